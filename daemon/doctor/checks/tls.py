"""What goes over a network is encrypted, and it is the right server that it goes to."""

from collections.abc import Iterator

from daemon.doctor.check import Check, Finding, Needs, ok, warning
from daemon.doctor.patient import Patient

REMEDY = "add sslmode=verify-full and sslrootcert=FILE to DATABASE_URL, or set PGSSLMODE and PGSSLROOTCERT"


def examine(patient: Patient) -> Iterator[Finding]:
    pgconn = patient.database.pgconn
    mode = next((str(option.val, "ascii") for option in pgconn.info if option.keyword == b"sslmode" and option.val), "")
    if patient.is_socket:
        yield ok("a local socket needs none", encrypted=False)
    elif not pgconn.ssl_in_use and patient.is_local:
        yield ok("the server is on this machine: none is needed", encrypted=False)
    elif not pgconn.ssl_in_use:
        yield warning(
            "the way to the server is not encrypted: others may read what goes over it", REMEDY, encrypted=False
        )
    elif not mode.startswith("verify-"):
        says = f"encrypted, but with sslmode={mode} nobody looks whether it is the right server"
        yield warning(says, REMEDY, encrypted=True, sslmode=mode)
    else:
        yield ok(f"encrypted, sslmode={mode}", encrypted=True, sslmode=mode)


CHECK = Check("tls", examine, Needs.DATABASE)
