"""Partitions predictions and evidence by ranges of the prediction's id: ids come from a sequence, so that is by time.

Each partition of predictions has one of evidence with the same bounds, and the foreign key stands between the two, not
between the tables as a whole: a check looks at one partition however many there are, and a pair can leave together
without a scan. The last pair is open at the top and normally empty: an insert always finds its place.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event
from time import monotonic
from typing import LiteralString, TypeVar

import psycopg
import structlog
from psycopg import Connection, sql
from psycopg.rows import class_row, scalar_row

from daemon.database.pool import Session
from daemon.database.schema import record
from daemon.database.statements import statement

log = structlog.get_logger()

T = TypeVar("T")

PACKAGE = "daemon.workloads.categorization.partitioning"  # where the statements are
HEAD, TAIL = "predictions", "evidence"
KEYS = {HEAD: "id", TAIL: "prediction_id"}
REST = "rest"  # the open pair's suffix
BOUND = "catalogd_bound"  # a check that spares ATTACH its scan
WAITING = "waiting"  # suffix of the index of what still waits for a person in a partition that gets no more rows
AHEAD = 2  # ranges that stand ready beyond the last id
# Longer than deadlock_timeout, at which an autovacuum gives way; the daemons give way after half a second.
LOCK_TIMEOUT = "1200ms"
TRIES = 50
PAUSE_S = 0.2


class PartitionRefused(Exception):
    """The tables are not in a shape that can be partitioned; the message names table and reason."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A pair of partitions: predictions with lower <= id < upper, and their evidence. None: open at that end."""

    name: str  # that of the predictions
    lower: int | None
    upper: int | None

    @property
    def suffix(self) -> str:
        return self.name.removeprefix(f"{HEAD}_")

    def of(self, table: str) -> str:
        """The name of this pair's partition of a table."""
        return f"{table}_{self.suffix}"

    @property
    def tables(self) -> tuple[str, str]:
        return self.of(HEAD), self.of(TAIL)

    @classmethod
    def between(cls, lower: int | None, upper: int | None) -> "Partition":
        return cls(f"{HEAD}_{REST if upper is None else f'from_{lower or 0}'}", lower, upper)


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table, as its catalogue describes it."""

    name: str
    definition: str
    is_unique: bool
    constraint_name: str | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key."""

    source: str
    target: str
    name: str
    definition: str
    sets_null: bool
    column_name: str
    is_validated: bool


def read_partitions(conn: Connection) -> list[Partition]:
    """The pairs that are attached, lowest ids first; none when the tables are plain."""
    with conn.cursor(row_factory=class_row(Partition)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_partitions"), {"table": HEAD}).fetchall()


def lowest_id(conn: Connection) -> int | None:
    """Predictions below were detached; None when none were."""
    partitions = read_partitions(conn)
    return partitions[0].lower if partitions else None


def convert(session: Session, conn: Connection, rows: int) -> None:
    """Make the two plain tables the first pair of partitioned ones; no row is rewritten, nothing is read under a lock.

    Raises PartitionRefused where something hangs on a table that would be left behind, and psycopg's errors.
    """
    for table in KEYS:
        _refuse_obstacles(conn, table)
    first = Partition.between(None, _next_bound(conn, rows))
    ahead = _ranges(first.upper, first.upper, rows, AHEAD - 1)
    # Named as they are now: the old tables, before they are partitions.
    with _Bounds(session, conn, {table: table for table in KEYS}, first):
        held_ms = in_short_locks(conn, lambda: _convert(conn, first, ahead))
    log.info("partition.converted", partition=first.name, upper=first.upper, held_ms=held_ms)
    _finish(conn)


def extend(session: Session, conn: Connection, rows: int) -> list[Partition]:
    """See to it that two ranges beyond the last id stand ready; returns those that were made.

    Where nobody did for so long that rows have come into the open pair, this becomes an ordinary one.
    """
    made: list[Partition] = []
    rest = read_partitions(conn)[-1]
    last, _ = _last_id(conn)
    if rest.lower is not None and (last >= rest.lower or not _is_empty(conn, rest)):
        made += _cut(session, conn, rest, rows)
    else:
        made += in_short_locks(conn, lambda: _extend(conn, rows))
    for partition in made:
        log.info("partition.created", partition=partition.name, lower=partition.lower, upper=partition.upper)
    if made:
        _finish(conn)
    else:
        _validate_references(conn)  # a run that was killed may have left that to be done
    return made


def closed(conn: Connection) -> list[Partition]:
    """Those that get no more rows: all their ids were given out."""
    last, _ = _last_id(conn)
    return [p for p in read_partitions(conn) if p.upper is not None and p.upper <= last]


def index_what_waits(conn: Connection) -> None:
    """Give each closed partition an index of its pending predictions alone. A new prediction looks for older pending
    ones in every partition: there it finds at once that there are few, or none."""
    for partition in closed(conn):
        name = f"{partition.name}_{WAITING}"
        found = conn.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident(%s))", (name,)
        ).fetchone()
        if found == (True,):
            continue
        parts = {"index": sql.Identifier(name), "table": sql.Identifier(partition.name)}
        conn.execute("SET lock_timeout = '60s'")  # it waits for transactions; nobody waits for it
        try:
            if found is not None:  # a build that was interrupted
                conn.execute(sql.SQL("DROP INDEX CONCURRENTLY {index}").format(**parts))
            build = "CREATE INDEX CONCURRENTLY {index} ON {table} (product_id) WHERE (status = 'pending') IS TRUE"
            conn.execute(sql.SQL(build).format(**parts))
        finally:
            conn.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
        log.info("partition.indexed", partition=partition.name)


def incoming(conn: Connection) -> list[Reference]:
    """The foreign keys of other tables to predictions."""
    return [reference for reference in _references(conn, HEAD, incoming=True) if reference.source != TAIL]


def detach(conn: Connection, partition: Partition, is_held: Callable[[], bool]) -> float | None:
    """Make a pair ordinary tables that nothing refers to; returns the milliseconds under lock.

    None when `is_held`, asked once nobody can write any more, says that it must stay. The caller has seen to what
    refers to its predictions: raises `psycopg.errors.ForeignKeyViolation` where something still does.
    """

    def act() -> float | None:
        began = _lock(conn)
        if is_held():
            return None
        for table in (TAIL, HEAD):
            _alter(conn, table, sql.SQL("DETACH PARTITION {}").format(sql.Identifier(partition.of(table))))
        for reference in _references(conn, partition.name, incoming=False):
            drop = sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(reference.name))
            _alter(conn, partition.name, drop)
        for name in partition.tables:
            _execute(conn, "COMMENT ON TABLE {} IS 'detached by catalogd partition'", sql.Identifier(name))
        return _milliseconds_since(began)

    return in_short_locks(conn, act)


def in_short_locks(conn: Connection, act: Callable[[], T]) -> T:
    """Do it in a transaction that waits for no lock for long, and again when others were in the way."""
    tries = 0
    while True:
        try:
            with conn.transaction():
                conn.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(LOCK_TIMEOUT))
                return act()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            tries += 1
            if tries >= TRIES:
                raise
            log.info("partition.waiting", tries=tries)
            Event().wait(PAUSE_S)


class _Bounds:
    """Around a change: checks by which Postgres knows, without reading them, that all rows of two tables lie within
    the bounds. The upper one must not stay: rows beyond it would be refused. Only a kill leaves it, for the next
    run."""

    def __init__(self, session: Session, conn: Connection, tables: dict[str, str], bounds: Partition) -> None:
        self._session, self._conn, self._tables, self._bounds = session, conn, tables, bounds

    def __enter__(self) -> None:
        try:
            in_short_locks(self._conn, self._add)
            for table in self._tables.values():
                in_short_locks(self._conn, partial(self._validate, table))
        except BaseException:
            self._take_away()
            raise

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._take_away()

    def _add(self) -> None:
        for table, name in self._tables.items():
            condition = _within(KEYS[table], self._bounds)
            _alter(self._conn, name, sql.SQL("DROP CONSTRAINT IF EXISTS {}").format(sql.Identifier(BOUND)))
            add = sql.SQL("ADD CONSTRAINT {} CHECK ({}) NOT VALID").format(sql.Identifier(BOUND), condition)
            _alter(self._conn, name, add)

    def _validate(self, name: str) -> None:
        _alter(self._conn, name, sql.SQL("VALIDATE CONSTRAINT {}").format(sql.Identifier(BOUND)))

    def _take_away(self) -> None:
        """On a connection of its own: the other may be broken, or in the middle of something."""
        with suppress(psycopg.Error):
            self._conn.close()
            with self._session.connect("partition") as conn:
                in_short_locks(conn, lambda: self._drop(conn))

    def _drop(self, conn: Connection) -> None:
        for name in self._tables.values():
            _alter(conn, name, sql.SQL("DROP CONSTRAINT IF EXISTS {}").format(sql.Identifier(BOUND)))


def _within(column: str, bounds: Partition) -> sql.Composed:
    key = sql.Identifier(column)
    conditions = [sql.SQL("{} IS NOT NULL").format(key), sql.SQL("{} < {}").format(key, sql.Literal(bounds.upper))]
    if bounds.lower is not None:
        conditions.append(sql.SQL("{} >= {}").format(key, sql.Literal(bounds.lower)))
    return sql.SQL(" AND ").join(conditions)


def _refuse_obstacles(conn: Connection, table: str) -> None:
    parameters = {"table": table, "bound": BOUND}
    with conn.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(statement(PACKAGE, "find_obstacles"), parameters).fetchall()
    if found:
        raise PartitionRefused(
            f"table {table} cannot be partitioned: {found[0]}; remove it (views and triggers can be made again"
            " on the partitioned table), then run catalogd partition again"
        )


def _convert(conn: Connection, first: Partition, ahead: Sequence[Partition]) -> float:
    began = _lock(conn)
    references = incoming(conn)
    for reference in references:
        _drop_reference(conn, reference)
    for table in KEYS:
        _put_parent_over(conn, table, first.of(table))
    for table in KEYS:
        _attach(conn, table, first)
        _alter(conn, first.of(table), sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(BOUND)))
    rest = Partition.between(ahead[-1].upper if ahead else first.upper, None)
    for partition in [*ahead, rest]:
        _create(conn, partition, like=first)
    for reference in references:
        _add_reference(conn, reference)
    record(conn)
    return _milliseconds_since(began)


def _put_parent_over(conn: Connection, table: str, leaf: str) -> None:
    """Rename a plain table, and make a partitioned one of its name with all that belongs to it."""
    indexes, references = _indexes(conn, table), _references(conn, table, incoming=False)
    numbering, triggers = _numbering(conn, table), _take_triggers(conn, table)
    _alter(conn, table, sql.SQL("RENAME TO {}").format(sql.Identifier(leaf)))
    for index in indexes:
        fresh = f"{leaf}_{index.name.removeprefix(f'{table}_')}"[:63]
        _execute(conn, "ALTER INDEX {} RENAME TO {}", sql.Identifier(index.name), sql.Identifier(fresh))
    _execute(
        conn,
        "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES EXCLUDING STATISTICS)"
        " PARTITION BY RANGE ({})",
        sql.Identifier(table),
        sql.Identifier(leaf),
        sql.Identifier(KEYS[table]),
    )
    _alter(conn, table, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(BOUND)))
    _hand_over(conn, leaf, table)
    numbering(leaf)
    for index in indexes:
        if index.is_primary and KEYS[table] == "id":
            name = sql.Identifier(str(index.constraint_name))
            _alter(conn, table, sql.SQL("ADD CONSTRAINT {} PRIMARY KEY (id)").format(name))
        elif not index.is_unique:
            conn.execute(index.definition.encode())  # as it was read, it names the table that is new now
    for reference in references:
        if reference.column_name != KEYS[TAIL]:  # that one stays between the partitions
            definition = sql.SQL("ADD CONSTRAINT {} ").format(sql.Identifier(reference.name))
            conn.execute(
                sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), definition).as_bytes(conn)
                + reference.definition.encode()
            )
    for trigger in triggers:  # its partitions get it as they are attached
        conn.execute(trigger)
    _move_rights(conn, leaf, table)
    _take_rights(conn, leaf)


def _take_triggers(conn: Connection, table: str) -> list[bytes]:
    """Drop catalogd's own triggers on a table; returns the statements that make them on the one of its name."""
    found = conn.execute(statement(PACKAGE, "read_triggers"), {"table": table}).fetchall()
    for name, _ in found:
        _execute(conn, "DROP TRIGGER {} ON {}", sql.Identifier(name), sql.Identifier(table))
    return [definition.encode() for _, definition in found]


def _numbering(conn: Connection, table: str) -> Callable[[str], None]:
    """What numbers the ids of a table, read before it is renamed; call the result with its new name to hand it over.

    A sequence is handed over; an identity, which cannot be, is made again where the old one stood, with its rights.
    """
    row = conn.execute(
        "SELECT pg_get_serial_sequence(%(table)s, 'id'), attidentity"
        " FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attname = 'id'",
        {"table": table},
    ).fetchone()
    assert row is not None  # noqa: S101  # the migrations saw to the column
    sequence, identity = row
    name = sequence.rpartition(".")[2].strip('"')

    def hand_over(leaf: str) -> None:
        if not identity:
            owned = sql.SQL("{}.{}").format(sql.Identifier(table), sql.Identifier("id"))
            _execute(conn, "ALTER SEQUENCE {} OWNED BY {}", sql.Identifier(name), owned)
            return
        rights = _rights(conn, name)
        found = conn.execute(
            sql.SQL(
                "SELECT own.last_value + CASE WHEN own.is_called THEN increment_by ELSE 0 END, increment_by, cache_size"
                " FROM {} AS own, pg_sequences WHERE schemaname = current_schema() AND sequencename = {}"
            ).format(sql.Identifier(name), sql.Literal(name))
        ).fetchone()
        assert found is not None  # noqa: S101  # it is the identity's own
        _alter(conn, leaf, sql.SQL("ALTER COLUMN id DROP IDENTITY"))
        add = sql.SQL("ALTER COLUMN id ADD GENERATED {} AS IDENTITY (SEQUENCE NAME {} START {} INCREMENT {} CACHE {})")
        kind = sql.SQL("ALWAYS" if identity == "a" else "BY DEFAULT")
        _alter(conn, table, add.format(kind, sql.Identifier(name), *map(sql.Literal, found)))
        _grant(conn, rights, name, of="SEQUENCE")

    return hand_over


def _cut(session: Session, conn: Connection, rest: Partition, rows: int) -> list[Partition]:
    """Close the open pair, which has rows, above its last one, and open another."""
    full = Partition.between(rest.lower, _next_bound(conn, rows))
    ahead = _ranges(full.upper, full.upper, rows, AHEAD - 1)

    def act() -> None:
        _lock(conn)
        references = incoming(conn)
        for reference in references:  # a detached partition must not be referred to, for a moment either
            _drop_reference(conn, reference)
        for table in (TAIL, HEAD):
            _alter(conn, table, sql.SQL("DETACH PARTITION {}").format(sql.Identifier(rest.of(table))))
            _alter(conn, rest.of(table), sql.SQL("RENAME TO {}").format(sql.Identifier(full.of(table))))
        for table in KEYS:
            _attach(conn, table, full)
            _alter(conn, full.of(table), sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(BOUND)))
        for partition in [*ahead, Partition.between(ahead[-1].upper if ahead else full.upper, None)]:
            _create(conn, partition, like=full)
        for reference in references:
            _add_reference(conn, reference)

    with _Bounds(session, conn, {table: rest.of(table) for table in KEYS}, full):
        in_short_locks(conn, act)
    return [full, *ahead]


def _extend(conn: Connection, rows: int) -> list[Partition]:
    rest = read_partitions(conn)[-1]
    last, limit = _last_id(conn)
    made = _ranges(rest.lower, min(last + AHEAD * rows, limit - rows), rows)
    if not made:
        return []
    _lock(conn)
    if not _is_empty(conn, rest):
        return []  # the first row came this very moment: the next run will cut
    for table in (TAIL, HEAD):
        _alter(conn, table, sql.SQL("DETACH PARTITION {}").format(sql.Identifier(rest.of(table))))
    for partition in made:
        _create(conn, partition, like=rest)
    for table in KEYS:
        _attach(conn, table, Partition.between(made[-1].upper, None))
    return made


def _ranges(start: int | None, end: int | None, rows: int, least: int = 0) -> list[Partition]:
    """Ranges of so many ids from `start` on, until `end` is reached and there are `least` of them."""
    assert start is not None  # noqa: S101  # the open pair has a lower bound, the first one an upper
    assert end is not None  # noqa: S101  # likewise
    made: list[Partition] = []
    while start < end or len(made) < least:
        made.append(Partition.between(start, start + rows))
        start += rows
    return made


def _create(conn: Connection, partition: Partition, like: Partition) -> None:
    """An empty pair, attached."""
    for table in KEYS:
        name, model = sql.Identifier(partition.of(table)), like.of(table)
        _execute(
            conn,
            "CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING STATISTICS EXCLUDING COMMENTS)",
            name,
            sql.Identifier(model),
        )
        row = conn.execute(
            "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = quote_ident(%s)::regclass", (model,)
        ).fetchone()
        if row and row[0]:
            conn.execute(sql.SQL("ALTER TABLE {} SET (").format(name).as_bytes(conn) + row[0].encode() + b")")
        _hand_over(conn, table, partition.of(table))
    (reference,) = (r for r in _references(conn, like.of(TAIL), incoming=False) if r.target == like.of(HEAD))
    rule = reference.definition.replace(like.of(HEAD), partition.of(HEAD), 1)
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(
        sql.Identifier(partition.of(TAIL)), sql.Identifier(reference.name)
    )
    conn.execute(add.as_bytes(conn) + rule.encode())
    for table in KEYS:
        _attach(conn, table, partition)


def _attach(conn: Connection, table: str, partition: Partition) -> None:
    _alter(
        conn,
        table,
        sql.SQL("ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(partition.of(table)),
            sql.SQL("MINVALUE") if partition.lower is None else sql.Literal(partition.lower),
            sql.SQL("MAXVALUE") if partition.upper is None else sql.Literal(partition.upper),
        ),
    )


def _lock(conn: Connection) -> float:
    """Lock everything that changes, in the order in which a slice does; returns when that was done.

    The shop's products are locked by foreign keys that come and go. Who may, locks them first: then no slice that has
    its products already waits for the predictions meanwhile.
    """
    tables = ["products", HEAD, TAIL, "categorization_batches"]
    for table in tables:
        row = conn.execute(
            "SELECT has_table_privilege(%s, 'UPDATE, DELETE, TRUNCATE') WHERE to_regclass(%s) IS NOT NULL",
            (table, table),
        ).fetchone()
        if row == (True,):
            _execute(conn, "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", sql.Identifier(table))
    return monotonic()


def _finish(conn: Connection) -> None:
    """What need not be done under a lock. Nobody but this command analyzes a partitioned table as a whole."""
    _validate_references(conn)
    for table in KEYS:
        analyze = sql.SQL("ANALYZE {}").format(sql.Identifier(table))
        in_short_locks(conn, partial(conn.execute, analyze))


def _validate_references(conn: Connection) -> None:
    for reference in incoming(conn):
        if not reference.is_validated:
            validate = sql.SQL("VALIDATE CONSTRAINT {}").format(sql.Identifier(reference.name))
            in_short_locks(conn, partial(_alter, conn, reference.source, validate))


def _next_bound(conn: Connection, rows: int) -> int:
    """A round id, at least one whole range above the last."""
    last, limit = _last_id(conn)
    bound = (last // rows + 2) * rows
    if bound + rows > limit:
        raise PartitionRefused(
            f"table {HEAD}: its ids are nearly used up ({last} of {limit}); make the column a bigint"
        )
    return bound


def _last_id(conn: Connection) -> tuple[int, int]:
    row = conn.execute(statement(PACKAGE, "last_id")).fetchone()
    assert row is not None  # noqa: S101  # it always has a row
    return int(row[0]), int(row[1])


def _is_empty(conn: Connection, partition: Partition) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(partition.name))
    return conn.execute(query).fetchone() == (False,)


def _indexes(conn: Connection, table: str) -> list[Index]:
    with conn.cursor(row_factory=class_row(Index)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_indexes"), {"table": table}).fetchall()


def _references(conn: Connection, table: str, *, incoming: bool) -> list[Reference]:
    parameters = {"table": table, "incoming": incoming}
    with conn.cursor(row_factory=class_row(Reference)) as cursor:
        return cursor.execute(statement(PACKAGE, "read_references"), parameters).fetchall()


def _drop_reference(conn: Connection, reference: Reference) -> None:
    _alter(conn, reference.source, sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(reference.name)))


def _add_reference(conn: Connection, reference: Reference) -> None:
    """To the partitioned table, for new rows at once; `_finish` looks at the old ones."""
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(
        sql.Identifier(reference.source), sql.Identifier(reference.name)
    )
    definition = reference.definition.removesuffix(" NOT VALID") + " NOT VALID"
    conn.execute(add.as_bytes(conn) + definition.encode())


def _rights(conn: Connection, relation: str) -> list[tuple[str, str, bool]]:
    return conn.execute(statement(PACKAGE, "read_rights"), {"relation": relation}).fetchall()


def _grant(conn: Connection, rights: Sequence[tuple[str, str, bool]], relation: str, of: LiteralString) -> None:
    for privilege, grantee, is_grantable in rights:
        on = sql.SQL(" ON {} {} TO ").format(sql.SQL(of), sql.Identifier(relation)).as_bytes(conn)
        option = b" WITH GRANT OPTION" if is_grantable else b""
        conn.execute(b"GRANT " + privilege.encode() + on + grantee.encode() + option)


def _move_rights(conn: Connection, source: str, target: str) -> None:
    _grant(conn, _rights(conn, source), target, of="TABLE")


def _take_rights(conn: Connection, relation: str) -> None:
    """Who reads and writes does so by the table of all partitions; once detached, one is the owner's alone."""
    on = sql.SQL("REVOKE ALL ON {} FROM ").format(sql.Identifier(relation)).as_bytes(conn)
    for grantee in sorted({grantee for _, grantee, _ in _rights(conn, relation)}):
        conn.execute(on + grantee.encode() + b" CASCADE")


def _hand_over(conn: Connection, source: str, target: str) -> None:
    """What a superuser makes belongs to the owner of what was there."""
    row = conn.execute(
        "SELECT pg_get_userbyid(relowner), current_user FROM pg_class WHERE oid = quote_ident(%s)::regclass", (source,)
    ).fetchone()
    assert row is not None  # noqa: S101  # the relation exists
    owner, user = row
    if owner != user:
        _alter(conn, target, sql.SQL("OWNER TO {}").format(sql.Identifier(owner)))


def _alter(conn: Connection, table: str, change: sql.Composable) -> None:
    _execute(conn, "ALTER TABLE {} {}", sql.Identifier(table), change)


def _execute(conn: Connection, text: LiteralString, *parts: sql.Composable) -> None:
    conn.execute(sql.SQL(text).format(*parts))


def _milliseconds_since(began: float) -> float:
    return round((monotonic() - began) * 1000, 1)
