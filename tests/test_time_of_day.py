"""The host's clock may jump: what lasts is measured by the monotonic clock, what is due is for the server to say."""

import re
from pathlib import Path

import daemon

ROOT = Path(daemon.__file__).parent
OF_DAY = r"(time|time_ns|localtime|gmtime|ctime)\b"
ASKS = re.compile(rf"\btime\.{OF_DAY}|from time import .*\b{OF_DAY}|\.(now|utcnow|today)\(")
MAY_ASK = {
    "database/schema.py",  # when a migration was applied, for people to read
    "workloads/price_lists/fetching/fetch.py",  # when a list was fetched, likewise
    "workloads/price_lists/fetching/answers.py",  # how long until a date that a server named
    "workloads/price_lists/courier/service.py",  # likewise
    "terminal/live.py",  # when a picture was taken, for people to read
    "terminal/ticker.py",  # when something was seen, likewise
    "doctor/checks/clock.py",  # how far it is from the server's
    "workloads/price_lists/incoming.py",  # how old a file is that waits to be fetched
}


def test_nothing_asks_for_the_time_of_day() -> None:
    asking = {file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.py") if ASKS.search(file.read_text("utf-8"))}
    assert asking == MAY_ASK
