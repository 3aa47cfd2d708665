"""How much there was a second over the last minute."""

SPAN = 60  # seconds


class Rate:
    """Remembers a number for each of the last seconds. Not for several threads at once. Times are monotonic."""

    def __init__(self) -> None:
        self._seconds = [-1] * SPAN  # that each number is for
        self._numbers = [0] * SPAN

    def add(self, number: int, now: float) -> None:
        second = int(now)
        place = second % SPAN
        if self._seconds[place] != second:
            self._seconds[place], self._numbers[place] = second, 0
        self._numbers[place] += number

    def per_second(self, now: float) -> float:
        """Over the last whole minute, whether or not there was anything to do in all of it."""
        oldest = int(now) - SPAN
        pairs = zip(self._seconds, self._numbers, strict=True)
        return sum(number for second, number in pairs if oldest < second <= now) / SPAN
