"""What happens in the engine, told to whoever counts it; the engine knows nobody who does."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from daemon.engine.queue import Completed, Planned, Slice


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
        completed: Sequence[Completed],
        duration_s: float,
    ) -> None:
        """Slices were treated in one transaction. `failures` are the items in error among them, by their code."""

    def stumbled(self, workload: str, mishap: Mishap) -> None:
        """Something happened to a slice."""

    def prepared(self, workload: str, end: PreparationEnd) -> None:
        """A batch was made ready to be cut, or not."""

    def listens(self, state: ListenerState) -> None:
        """The listener is in this state now; it may have been before."""
