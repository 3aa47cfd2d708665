"""What batches are called in sentences, and the commands that tell more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.workloads.registry import REGISTRY

if TYPE_CHECKING:
    from daemon.workloads.kind import Kind

USUAL = REGISTRY[0].name


def call(kind: Kind, batch_id: int) -> str:
    """A batch, as a sentence names it."""
    return f"batch {batch_id}" if kind.name == USUAL else f"batch {batch_id} of {kind.name}"


def ask(command: str, kind: Kind, batch_id: int) -> str:
    """The command about this batch, ready to be typed."""
    return f"catalogd {command} {batch_id}" + ("" if kind.name == USUAL else f" --of {kind.name}")
