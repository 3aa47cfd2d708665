"""A peer that is lost is noticed in seconds: the server keeps the bounds that each session of ours asks for."""

from collections.abc import Iterator

from daemon.database.pool import OF_THE_SESSION
from daemon.doctor.check import Check, Finding, Needs, ok, skipped, warning
from daemon.doctor.patient import Patient, sql


def examine(patient: Patient) -> Iterator[Finding]:
    if patient.is_pooled:
        yield skipped("behind a pooler they are the pooler's: tcp_keepalive and server_idle_timeout there")
        return
    settings: dict[str, str] = dict(patient.database.execute(sql("read_bounds")).fetchall())
    watches = settings.pop("client_connection_check_interval", "0") != "0"
    wanted = {name: value.removesuffix("s") for name, value in OF_THE_SESSION.items() if name.startswith("tcp_")}
    wanted["tcp_user_timeout"] = "10000"  # in milliseconds
    refused = {name: settings.get(name) for name, value in wanted.items() if settings.get(name) != value}
    if not patient.is_socket and refused:
        yield warning(
            f"the server does not take {', '.join(refused)}: a slice of a lost host is free only after longer",
            "set them in postgresql.conf, or for the role: tcp_keepalives_idle = 5, tcp_keepalives_interval = 2,"
            " tcp_keepalives_count = 3",
            refused=refused,
        )
    elif not watches:
        yield warning(
            "the server's platform cannot watch its clients: a killed client's statement goes on to its end",
            "run the server on Linux, or bear with it: what is held is freed a little later",
        )
    else:
        yield ok("a local socket needs none" if patient.is_socket else "a lost host is noticed within 11 s")


CHECK = Check("keepalives", examine, Needs.DATABASE)
