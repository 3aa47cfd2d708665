"""The database is reached, may be written to, and answers quickly."""

from collections.abc import Iterator
from time import monotonic

from psycopg import Connection

from daemon.doctor.check import Check, Finding, Needs, ok, warning, wrong
from daemon.doctor.patient import Patient, sql
from daemon.errors import ConfigurationError

OLDEST = 15
SLOW_S = 0.02  # of a round trip; a slice takes a dozen
ASKED = 5
ENCODING = "UTF8"


def examine(patient: Patient) -> Iterator[Finding]:
    """Also gives the patient its connection."""
    assert patient.session is not None  # noqa: S101  # needs the settings
    try:
        patient.conn = patient.session.connect("doctor")
    except ConfigurationError as error:  # no command works with it: of an encoding that cannot hold what we write
        says, _, remedy = str(error).partition("; ")
        yield wrong(says, remedy)
        return
    conn = patient.conn
    info = conn.info
    row = conn.execute(sql("find_server")).fetchone()
    assert row is not None  # noqa: S101  # a SELECT without FROM has one row
    version, is_standby, is_read_only = row
    round_trip_s = min(_round_trip(conn) for _ in range(ASKED))
    place = f"{info.host or 'localhost'}:{info.port}" if not patient.is_socket else info.host
    says = f"PostgreSQL {version} at {place}, database {info.dbname}, {round_trip_s * 1000:.1f} ms to and fro"
    facts = {"host": info.host, "database": info.dbname, "version": version, "round_trip_ms": round_trip_s * 1000}
    encoding = info.parameter_status("server_encoding")
    if is_standby:
        remedy = "name the primary, or all hosts with target_session_attrs=read-write, in DATABASE_URL"
        yield wrong(f"{says}: it is a standby, which cannot be written to", remedy, **facts)
    elif is_read_only:
        remedy = f"ALTER DATABASE {info.dbname} RESET default_transaction_read_only; the role may have it set, too"
        yield wrong(f"{says}: its transactions are read-only", remedy, **facts)
    elif encoding != ENCODING:
        yield warning(
            f"{says}: its encoding is {encoding}, and what has no sign in it cannot be stored",
            f"where that happens: CREATE DATABASE … ENCODING '{ENCODING}' TEMPLATE template0, and restore a dump there",
            encoding=encoding,
            **facts,
        )
    elif info.server_version < OLDEST * 10_000:
        yield warning(
            f"{says}: it is older than what catalogd is tested with", f"upgrade to {OLDEST} or newer", **facts
        )
    elif round_trip_s > SLOW_S:
        yield warning(says + ", which is slow", "run the daemon nearer to the database", **facts)
    else:
        yield ok(says, **facts)


def _round_trip(conn: Connection) -> float:
    began = monotonic()
    conn.execute("SELECT 1")
    return monotonic() - began


CHECK = Check("connection", examine, Needs.SETTINGS)
