// Keeps the living part of a page as the server last drew it. Without it the page is the same, and is loaded anew by hand.
"use strict";

(() => {
  const live = document.querySelector("[data-live]");
  if (!live || !window.EventSource) return;
  const liveness = document.getElementById("liveness");
  let source = null;
  const say = (text) => { if (liveness.textContent !== text) liveness.textContent = text; };

  // A browser opens six connections to a host, for all its tabs: what nobody sees gives its own back.
  function follow() {
    if (source || document.hidden || hasEnded()) return;
    source = new EventSource(live.dataset.live);
    source.addEventListener("news", news);
    source.addEventListener("trouble", (event) => say(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      document.documentElement.classList.remove("is-live");
      say(source.readyState === EventSource.CLOSED ? "Not live: reload the page." : "Not live: connecting again …");
    });
  }

  function leave() {
    source?.close();
    source = null;
    document.documentElement.classList.remove("is-live");
  }

  document.addEventListener("visibilitychange", () => document.hidden ? leave() : follow());
  follow();

  function news(event) {
    const drawn = document.createElement("template");
    drawn.innerHTML = JSON.parse(event.data);
    mergeChildren(live, drawn.content);
    document.documentElement.classList.add("is-live");
    say("untilEnded" in live.dataset ? "Progress is live: reload for what is below." : "Live");
    if (hasEnded()) {
      leave();
      say("This batch has ended: reload the page for what came of it.");
    }
  }

  function hasEnded() {
    const status = live.querySelector("[data-status]");
    return "untilEnded" in live.dataset && status !== null && !["pending", "processing"].includes(status.dataset.status);
  }

  // Changes only what differs, so that focus, scroll, selection and what is unfolded stay as they are.
  function mergeChildren(old, fresh) {
    const known = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = keyOf(child) ? known.get(keyOf(child)) : null;
      while (place && !same && !isAlike(place, child) && isText(place)) place = remove(place);
      if (same) {
        if (same === place) place = place.nextSibling; else old.insertBefore(same, place);
        merge(same, child);
      } else if (place && isAlike(place, child)) {
        const next = place.nextSibling;
        merge(place, child);
        place = next;
      } else {
        old.insertBefore(document.importNode(child, true), place);
      }
    }
    while (place) place = remove(place);
  }

  function merge(old, fresh) {
    if (isText(old)) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    mergeChildren(old, fresh);
  }

  function remove(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  function keyOf(node) {
    return node.dataset?.key;
  }

  function isText(node) {
    return node.nodeType === Node.TEXT_NODE;
  }

  // Rows of a table are told apart by their keys, all else by its place.
  function isAlike(one, other) {
    return one.nodeName === other.nodeName && !keyOf(one) && !keyOf(other);
  }
})();
