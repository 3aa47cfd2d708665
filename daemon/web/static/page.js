// Keeps the living part of a page as the server last drew it. Without it the page is the same, and is loaded anew by hand.
"use strict";

(() => {
  const live = document.querySelector("[data-live]");
  if (!live || !window.EventSource) return;
  const liveness = document.getElementById("liveness");
  const source = new EventSource(live.dataset.live);
  const say = (text) => { if (liveness.textContent !== text) liveness.textContent = text; };

  source.addEventListener("news", (event) => {
    const parsed = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
    mergeChildren(live, parsed.body);
    document.documentElement.classList.add("is-live");
    say("Live");
    if ("untilEnded" in live.dataset && hasEnded()) {
      source.close();
      document.documentElement.classList.remove("is-live");
      say("This batch has ended: reload the page for what came of it.");
    }
  });
  source.addEventListener("trouble", (event) => say(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    document.documentElement.classList.remove("is-live");
    say(source.readyState === EventSource.CLOSED ? "Not live: reload the page." : "Not live: connecting again …");
  });

  function hasEnded() {
    const status = live.querySelector("[data-status]");
    return status !== null && !["pending", "processing"].includes(status.dataset.status);
  }

  // Changes only what differs, so that focus, scroll and selection stay where they are.
  function merge(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.importNode(fresh, true));
    } else if (old.nodeType === Node.ELEMENT_NODE) {
      mergeAttributes(old, fresh);
      mergeChildren(old, fresh);
    } else if (old.data !== fresh.data) {
      old.data = fresh.data;
    }
  }

  function mergeAttributes(old, fresh) {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }

  function mergeChildren(old, fresh) {
    const known = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.dataset?.key ? known.get(child.dataset.key) : null;
      if (same) {
        if (same !== place) old.insertBefore(same, place); else place = place.nextSibling;
        merge(same, child);
      } else if (place && !place.dataset?.key && !child.dataset?.key) {
        const next = place.nextSibling;
        merge(place, child);
        place = next;
      } else {
        old.insertBefore(document.importNode(child, true), place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  }
})();
