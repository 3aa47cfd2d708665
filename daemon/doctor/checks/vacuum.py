"""Autovacuum looks after the tables of the engine and of the results."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, ok, warning, wrong
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import how_long

MANY_DEAD = 50_000  # rows, and more than there are live ones
MANY_NEW = 20_000_000  # rows inserted since the last vacuum, and most of the table
OLD_XIDS, WORN_XIDS = 500_000_000, 1_500_000_000  # of two thousand million
DAY_S = 86_400


def examine(patient: Patient) -> Iterator[Finding]:
    row = patient.database.execute(sql("read_vacuum")).fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM has one row
    runs, counts, age, insert_threshold = row
    if not runs or not counts:
        name = "autovacuum" if not runs else "track_counts"
        yield wrong(f"{name} is off: tables grow for ever, and the queue slows down", f"{name} = on in postgresql.conf")
        return
    found = list(_tables(patient))
    if age > OLD_XIDS:
        says = f"{age:,} transactions have passed since the oldest row was frozen"
        remedy = "VACUUM (FREEZE) in this database; before that, end what holds it back: see transactions and slots"
        found.append((wrong if age > WORN_XIDS else warning)(says, remedy, age=age))
    if insert_threshold < 0:
        found.append(
            warning(
                "autovacuum_vacuum_insert_threshold is -1: predictions are only inserted, and never vacuumed",
                "RESET it in postgresql.conf: ALTER SYSTEM RESET autovacuum_vacuum_insert_threshold",
            )
        )
    yield from found or [ok("it is on for every table, and has not fallen behind", age=age)]


def _tables(patient: Patient) -> Iterator[Finding]:
    names = [name for kind in patient.kinds for name in (kind.table.name, kind.table.results, kind.table.errors)]
    names += ["batch_slices", "batch_preparations", "evidence", "audit_log"]
    for name, is_off, live, dead, inserted, done_s_ago in patient.database.execute(
        sql("read_tables"), {"tables": names}
    ):
        when = "never" if done_s_ago is None else f"{how_long(done_s_ago)} ago"
        if is_off:
            yield wrong(
                f"autovacuum is switched off for {name}",
                f"ALTER TABLE {name} RESET (autovacuum_enabled)",
                table=name,
            )
        elif dead > max(MANY_DEAD, live):
            yield warning(
                f"{name} has {dead:,} dead rows and {live:,} live ones; vacuumed {when}",
                f"VACUUM {name}; before that, end what holds it back: see transactions and slots",
                table=name,
                dead=dead,
            )
        elif inserted > max(MANY_NEW, live / 2) and (done_s_ago is None or done_s_ago > DAY_S):
            yield warning(f"{name} was vacuumed {when}, {inserted:,} rows ago", f"VACUUM (ANALYZE) {name}", table=name)


CHECK = Check("vacuum", examine)
