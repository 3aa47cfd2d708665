"""Reading as a stream: how far it is, how it is ended, how much memory it takes."""

import subprocess
import sys
from itertools import pairwise

import pytest

from daemon.workloads.price_lists.reading.reading import read
from tests.support.workbooks import write_xlsx

HEADER = "sku;name;brand;mpn;ean;price;currency;stock\n"


def rows(count: int) -> str:
    return "".join(f"A{n};Hammer {n};Hitwell;HM{n};;{n % 900 + 1},50;EUR;{n % 7}\n" for n in range(count))


@pytest.fixture(params=["csv", "xlsx"])
def long_list(request, file):
    """10,000 lines."""
    if request.param == "csv":
        file.write_text(HEADER + rows(10_000))
    else:
        cells = [line.split(";") for line in rows(10_000).splitlines()]
        write_xlsx(file, {"List": [HEADER.strip().split(";"), *cells]})
    return file


def test_progress_is_told_at_least_each_thousand_lines_and_only_grows(long_list):
    told = []
    opened = read(long_list, None, None, lambda lines, share: told.append((lines, share)))
    assert told
    assert all(lines == 0 for lines, _ in told)
    count = len(list(opened))
    assert count == 10_000
    done = [lines for lines, _ in told]
    shares = [share for _, share in told if share is not None]
    assert done == sorted(done)
    assert shares == sorted(shares)
    assert (done[-1], shares[-1]) == (10_001, 1.0)
    assert max(after - before for before, after in pairwise(done)) <= 1000


def test_progress_is_told_before_the_lines_come(long_list):
    told = [0]
    for line in read(long_list, None, None, lambda lines, share: told.append(lines)):
        assert line.number <= told[-1]


@pytest.mark.parametrize("at", [0, 1, 5000])
def test_what_the_callback_raises_ends_the_reading(long_list, at):
    class Stop(Exception):
        pass

    def tick(lines, share):
        if lines >= at:
            raise Stop

    with pytest.raises(Stop):
        list(read(long_list, None, None, tick))


def test_a_reading_that_is_given_up_leaves_nothing_open(long_list):
    with read(long_list, None, None, lambda lines, share: None) as opened:
        next(iter(opened))


def test_a_file_that_is_not_there(file):
    with pytest.raises(FileNotFoundError):
        read(file, None, None, lambda lines, share: None)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_list(file, kind):
    """Four times as many lines take the same memory; at a million lines: bench.price_lists.reading."""

    def peak(count: int) -> int:
        if kind == "csv":
            file.write_text(HEADER + rows(count))
        else:
            write_xlsx(
                file, {"List": [HEADER.strip().split(";"), *[line.split(";") for line in rows(count).splitlines()]]}
            )
        program = (
            "import resource, sys\n"
            "from pathlib import Path\n"
            f"from {read.__module__} import read\n"
            "lines = sum(1 for _ in read(Path(sys.argv[1]), None, None, lambda *_: None))\n"
            "print(lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        said = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True, check=True).stdout
        lines, kilobytes = map(int, said.split())
        assert lines == count
        return kilobytes

    small, large = (5_000, 20_000) if kind == "xlsx" else (25_000, 100_000)
    assert peak(large) < peak(small) + 8_000
