"""For `catalogd run --once`: when everything rests, it is done."""

from collections.abc import Callable


class Rest:
    """Told at each look for work whether any of that kind is open; acts when of every kind the last that was seen is
    that none is."""

    def __init__(self, kinds: int, act: Callable[[], object]) -> None:
        self._kinds = kinds
        self._act = act
        self._resting: set[str] = set()

    def look(self, kind: str, is_open: bool) -> None:
        if is_open:
            self._resting.discard(kind)
            return
        self._resting.add(kind)
        if len(self._resting) == self._kinds:
            self._act()
