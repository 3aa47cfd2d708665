"""What happens in the engine, told to whoever counts it; the engine knows nobody who does."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from daemon.engine.queue import Planned, Settled, Slice


class Mishap(StrEnum):
    """What may happen to a slice beside being settled."""

    RETRIED = "retried"  # rolled back for a reason that passes, and tried again
    HALVED = "halved"  # treated in halves until the item that is at fault stands alone
    RECOVERED = "recovered"  # taken over from a worker that died
    PAUSED = "paused"  # rolled back because nothing can be treated at the moment


class ListenerState(StrEnum):
    """How the listener is. Whatever it is, the work goes on: who cannot hear polls."""

    CONNECTED = "connected"
    DEAF = "deaf"  # a transaction pooler stands in between
    LOST = "lost"  # the connection is being made anew


class PreparationEnd(StrEnum):
    """What became of a step that makes a batch ready."""

    READY = "ready"
    FAILED = "failed"  # the batch, too
    PUT_OFF = "put_off"  # tried again later


class Telemetry:
    """Told of each thing once, after it is committed, by the thread that did it. It must be quick and must not raise.

    This one does nothing with it. Times are in seconds.
    """

    def planned(self, workload: str, batches: Sequence[Planned]) -> None:
        """Batches were cut into slices, or came to their end by that."""

    def began(self, workload: str, slices: Sequence[Slice]) -> None:
        """The transaction that treats these slices has them locked. Not committed yet; may be told again."""

    def settled(
        self,
        workload: str,
        slices: int,
        items: int,
        failures: Mapping[str, int],
        completed: Sequence[Settled],
        duration_s: float,
    ) -> None:
        """Slices were treated in one transaction. `failures` are the items in error among them, by their code."""

    def counted(self, workload: str, batches: Sequence[Settled]) -> None:
        """So far these batches are now, by whomever they are treated."""

    def stumbled(self, workload: str, mishap: Mishap) -> None:
        """Something happened to a slice."""

    def prepared(self, workload: str, end: PreparationEnd) -> None:
        """A batch was made ready to be cut, or not."""

    def listens(self, state: ListenerState, why: str = "") -> None:
        """The listener is in this state now; it may have been before. A connection that is lost has a reason."""


class Several(Telemetry):
    """Tells each of them."""

    def __init__(self, *told: Telemetry) -> None:
        self._told = told

    def planned(self, workload: str, batches: Sequence[Planned]) -> None:
        for each in self._told:
            each.planned(workload, batches)

    def began(self, workload: str, slices: Sequence[Slice]) -> None:
        for each in self._told:
            each.began(workload, slices)

    def settled(
        self,
        workload: str,
        slices: int,
        items: int,
        failures: Mapping[str, int],
        completed: Sequence[Settled],
        duration_s: float,
    ) -> None:
        for each in self._told:
            each.settled(workload, slices, items, failures, completed, duration_s)

    def counted(self, workload: str, batches: Sequence[Settled]) -> None:
        for each in self._told:
            each.counted(workload, batches)

    def stumbled(self, workload: str, mishap: Mishap) -> None:
        for each in self._told:
            each.stumbled(workload, mishap)

    def prepared(self, workload: str, end: PreparationEnd) -> None:
        for each in self._told:
            each.prepared(workload, end)

    def listens(self, state: ListenerState, why: str = "") -> None:
        for each in self._told:
            each.listens(state, why)
