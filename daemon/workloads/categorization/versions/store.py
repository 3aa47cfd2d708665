"""Reads and writes the versions of the model, and which one is in use."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from time import monotonic
from typing import NamedTuple

from psycopg import Connection, sql
from psycopg.rows import args_row, class_row, scalar_row
from psycopg.types.json import Jsonb

from daemon.database.bulk import id_list
from daemon.database.pool import bounded
from daemon.database.statements import statement, text_of
from daemon.errors import DaemonError
from daemon.workloads.categorization.versions.promotion import Said

KEPT = 10  # versions; each is several MB
BUCKETS = 4096  # of products, for telling how many labels have changed; a power of two
LOCK = 0x6D6F64656C73  # "models"
LOCK_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Version:
    """A row of categorization_models without what is large."""

    version: int
    learned_at: datetime
    products: int
    categories: int
    promoted_at: datetime | None
    withdrawn_at: datetime | None
    catalogd_version: str | None
    fingerprint: str | None
    settings: Mapping[str, object] | None
    report: Mapping[str, object]
    has_judgements: bool
    is_current: bool

    @property
    def state(self) -> str:
        if self.is_current:
            return "in use"
        if self.promoted_at is not None:
            return "replaced"
        return "kept back" if self.withdrawn_at is None else "rolled back"


@dataclass(frozen=True, slots=True)
class Labels:
    """What people have decided, in short: how many labels there are, and a digest for each of BUCKETS."""

    number: int
    digests: tuple[int, ...]


class LastLesson(NamedTuple):
    products: int
    label_digests: Sequence[int] | None
    is_long_ago: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf: `daemon` or `operator`, as in the audit log."""

    type: str
    instance: str


@dataclass(frozen=True, slots=True)
class NewVersion:
    """All of a version but its number. `content` is the model as bytes."""

    content: bytes
    products: int
    categories: int
    fingerprint: str
    settings: Mapping[str, object]
    catalogd_version: str
    labels: Labels
    judgements: Mapping[int, Said]
    report: Mapping[str, object]


def _sql(name: str) -> bytes:
    return statement("daemon.workloads.categorization.versions", name)


def _over_labels(name: str) -> sql.Composed:
    """A statement over what learning reads: there is one definition of it."""
    labelled = text_of("daemon.workloads.categorization", "read_labelled")
    return sql.SQL(text_of("daemon.workloads.categorization.versions", name)).format(labelled=sql.SQL(labelled))


def read_labels(conn: Connection) -> Labels:
    digests, number = [0] * BUCKETS, 0
    with bounded(conn):
        for bucket, labels, digest in conn.execute(_over_labels("digest_labels"), {"buckets": BUCKETS}):
            digests[bucket] = digest
            number += labels
    return Labels(number, tuple(digests))


def read_truths(conn: Connection, product_ids: Sequence[int]) -> dict[int, str]:
    """The category that people have decided on, as of now, of those products that have one."""
    with bounded(conn):
        return dict(conn.execute(_over_labels("read_truths"), {"product_ids": id_list(product_ids)}).fetchall())


def read_changed(conn: Connection, version: int, labels: Labels, product_ids: Sequence[int]) -> set[int]:
    """Of these products, those that were given another label since the version was learned, or their first; and some
    that share a bucket with such a one."""
    parameters = {
        "version": version,
        "product_ids": id_list(product_ids),
        "digests": id_list(labels.digests),
        "buckets": BUCKETS,
    }
    with conn.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_sql("read_changed"), parameters))


def read_last_lesson(conn: Connection, a_while: object) -> LastLesson | None:
    """`is_long_ago` says whether `a_while`, a timedelta, has passed since."""
    with conn.cursor(row_factory=args_row(LastLesson)) as cursor:
        return cursor.execute(_sql("read_last_lesson"), {"a_while": a_while}).fetchone()


def read_head(conn: Connection, version: int) -> bytes:
    """The first bytes of a model; none when it is gone."""
    with conn.cursor(row_factory=scalar_row, binary=True) as cursor:
        return cursor.execute(_sql("read_head"), {"version": version}).fetchone() or b""


def list_versions(conn: Connection) -> list[Version]:
    """All that are kept, oldest first."""
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(_sql("list_versions")).fetchall()


def read_judgements(conn: Connection, version: int) -> dict[int, Said]:
    """What a twin of the model said of the products held out while it learned, by product."""
    rows = conn.execute(_sql("read_judgements"), {"version": version})
    return {product_id: Said(code, confidence) for product_id, code, confidence in rows}


@contextmanager
def exclusively(conn: Connection, patience_s: float = 30.0) -> Iterator[None]:
    """A transaction, alone among those that change which model is in use. Raises DaemonError when others take long.

    The lock is polled for, never waited for, and belongs to the transaction: a pooler may give each another session.
    """
    ends = monotonic() + patience_s
    while True:
        with conn.transaction():
            row = conn.execute(_sql("try_lock"), {"key": LOCK}).fetchone()
            if row and row[0]:
                yield
                return
        if monotonic() > ends:
            raise DaemonError("another process is changing which model is in use: try again")
        Event().wait(LOCK_POLL_S)


def write_version(conn: Connection, new: NewVersion, *, promotes: bool) -> int:
    """Store a version, in the caller's transaction; where it is promoted, instances use it from their next slice on."""
    parameters = {
        "products": new.products,
        "categories": new.categories,
        "report": Jsonb(dict(new.report)),
        "content": new.content,
        "is_promoted": promotes,
        "fingerprint": new.fingerprint,
        "settings": Jsonb(dict(new.settings)),
        "catalogd_version": new.catalogd_version,
        "label_digests": id_list(new.labels.digests),
        "judged_products": id_list(new.judgements),
        "judged_codes": [said.code for said in new.judgements.values()],
        "judged_confidences": [said.confidence for said in new.judgements.values()],
    }
    row = conn.execute(_sql("write_version"), parameters).fetchone()
    assert row is not None  # noqa: S101  # INSERT ... RETURNING has a row
    version: int = row[0]
    return version


def promote(conn: Connection, version: int) -> None:
    conn.execute(_sql("promote"), {"version": version})


def withdraw(conn: Connection, version: int) -> None:
    conn.execute(_sql("withdraw"), {"version": version})


def forget_old(conn: Connection) -> int:
    """Delete all but the newest KEPT, the one in use and the one before it; returns how many went."""
    return conn.execute(_sql("forget_old"), {"kept": KEPT}).rowcount


def audit(conn: Connection, version: int, action: str, actor: Actor, metadata: Mapping[str, object]) -> None:
    parameters = {
        "version": version,
        "action": action,
        "actor": actor.type,
        "metadata": Jsonb({"instance": actor.instance, **metadata}),
    }
    conn.execute(_sql("audit"), parameters)
