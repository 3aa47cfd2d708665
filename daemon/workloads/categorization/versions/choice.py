"""Which version is in use, as a person wants it: comparing two, promoting one, going back to the one before."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection

from daemon.errors import DaemonError, UsageError
from daemon.workloads.categorization import store as shop
from daemon.workloads.categorization.experiments.comparison import Comparison, compare
from daemon.workloads.categorization.experiments.metrics import (
    calibration_error,
    coverage_and_precision,
    reliability,
    top_one,
)
from daemon.workloads.categorization.versions import store
from daemon.workloads.categorization.versions.promotion import Said


@dataclass(frozen=True, slots=True)
class Figures:
    """How a version did on some products; shares are in [0, 1], None where there is nothing to take a share of."""

    version: int
    top1: float | None
    coverage: float | None
    precision: float | None
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions on the products held out from both that people have decided on, by what they say now."""

    products: int
    a: Figures
    b: Figures
    comparison: Comparison


def compare_versions(conn: Connection, a: int, b: int, threshold: float) -> Compared:
    """Raises UsageError for a version that is not there, DaemonError when the two have judged nothing in common."""
    versions = {version.version: version for version in store.list_versions(conn)}
    for wanted in (a, b):
        if wanted not in versions:
            raise _missing(wanted)
        if not versions[wanted].has_judgements:
            raise DaemonError(f"model {wanted} is from a catalogd that did not keep what it judged: learn anew")
    of_a, of_b = store.read_judgements(conn, a), store.read_judgements(conn, b)
    truths = store.read_truths(conn, sorted(of_a.keys() & of_b.keys()))
    if not truths:
        raise DaemonError(f"models {a} and {b} have judged no product in common that has a category now")
    ids = sorted(truths)
    truth = [truths[id] for id in ids]
    said_a, said_b = [of_a[id] for id in ids], [of_b[id] for id in ids]
    return Compared(
        len(ids),
        _figures(a, truth, said_a, threshold),
        _figures(b, truth, said_b, threshold),
        compare(_right(truth, said_a), _right(truth, said_b)),
    )


def promote(conn: Connection, version: int, actor: store.Actor) -> int | None:
    """Put a version into use; returns the one that was. Raises UsageError when it is not there, DaemonError when it
    cannot be used."""
    with store.exclusively(conn):
        current = shop.read_model_version(conn)
        if version not in {each.version for each in store.list_versions(conn)}:
            raise _missing(version)
        _require_usable(conn, version)
        if version != current:
            store.promote(conn, version)
            store.audit(conn, version, "promoted", actor, {"against": current, "why": "a person promoted it"})
    return current


def roll_back(conn: Connection, actor: store.Actor) -> tuple[int, int]:
    """Take the version in use back; returns it, and the one promoted before, which is in use again. Raises DaemonError
    when there is none, or it cannot be used."""
    with store.exclusively(conn):
        current = shop.read_model_version(conn)
        if current is None:
            raise DaemonError("no model is in use: run catalogd learn")
        store.withdraw(conn, current)
        before = shop.read_model_version(conn)
        if before is None:
            raise DaemonError(f"there is no model to go back to from model {current}: see catalogd models list")
        _require_usable(conn, before)
        store.audit(conn, current, "rolled_back", actor, {"to": before})
    return current, before


def _require_usable(conn: Connection, version: int) -> None:
    try:
        shop.read_model(conn, version)
    except ValueError as error:
        raise DaemonError(f"this version of catalogd cannot use model {version}: {error}") from error


def _missing(version: int) -> UsageError:
    return UsageError(f"there is no model {version}: see catalogd models list")


def _right(truth: Sequence[str], said: Sequence[Said]) -> list[bool]:
    return [code == right for (code, _), right in zip(said, truth, strict=True)]


def _figures(version: int, truth: Sequence[str], said: Sequence[Said], threshold: float) -> Figures:
    right, confidences = _right(truth, said), [each.confidence for each in said]
    coverage, precision = coverage_and_precision(confidences, right, threshold)
    error = calibration_error(reliability(confidences, right))
    return Figures(version, top_one(right), coverage, precision, error)
