"""The server's clock and this machine's agree: what is logged here and what is stored there can be compared."""

from collections.abc import Iterator
from time import time

from daemon.doctor.check import Check, Finding, Needs, ok, warning
from daemon.doctor.patient import Patient, sql
from daemon.terminal.words import how_long

MOST_S = 2.0


def examine(patient: Patient) -> Iterator[Finding]:
    before = time()
    row = patient.database.execute(sql("read_clock")).fetchone()
    after = time()
    assert row is not None  # noqa: S101  # a SELECT without FROM has one row
    skew_s = row[0] - (before + after) / 2
    doubt_s = (after - before) / 2
    if abs(skew_s) - doubt_s > MOST_S:
        way = "ahead of" if skew_s > 0 else "behind"
        yield warning(
            f"the server's clock is {how_long(abs(skew_s))} {way} this machine's; the work goes by the server's alone",
            "let both follow a time server: timedatectl set-ntp true",
            skew_s=skew_s,
        )
    else:
        yield ok(f"the same within {how_long(abs(skew_s) + doubt_s)}", skew_s=skew_s)


CHECK = Check("clock", examine, Needs.DATABASE)
