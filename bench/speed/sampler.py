"""Where the worker threads of a daemon spend their time: looks at their stacks a few hundred times a second."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import daemon

EVERY_S = 0.003
OURS = str(Path(daemon.__file__).parent)


class Sampler:
    """Counts looks at busy workers by the daemon's function that they were in, and whether they waited for the server.

    A look needs the interpreter to itself, so what never lets go of it counts for less.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._seen: Counter[str] = Counter()

    def start(self) -> None:
        self._thread.start()

    def write(self) -> None:
        """What was seen, as JSON: the number of looks by place."""
        self._stop.set()
        self._thread.join()
        self._file.write_text(json.dumps(dict(self._seen.most_common())), encoding="utf-8")

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if "/" in names.get(ident, ""):  # workers are named instance/workload-number
                    place = place_of(frame)
                    if place is not None:
                        self._seen[place] += 1


def place_of(frame: FrameType) -> str | None:
    """The daemon's innermost function in a stack, above those of `database`, which are everywhere; None at rest."""
    is_waiting = "wait" in frame.f_code.co_name
    at: FrameType | None = frame
    while at is not None:
        code = at.f_code
        if code.co_filename.startswith(OURS):
            module = code.co_filename.removeprefix(OURS + "/").removesuffix(".py").replace("/", ".")
            if module == "engine.wakeup":
                return None
            if not module.startswith("database."):
                return f"{module}.{code.co_name}" + (", waiting for the server" if is_waiting else "")
        at = at.f_back
    return None
