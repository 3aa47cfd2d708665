"""What is to be done first: things of this machine that lie where a unit cannot use them."""

from collections.abc import Iterator

from daemon.installation.quoting import REFUSED, on_one_line
from daemon.installation.surroundings import Surroundings

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # from the unit: ProtectHome=, PrivateTmp=
UNSEEN = "where the unit cannot see it (ProtectHome=, PrivateTmp=)"


def warnings(here: Surroundings) -> Iterator[str]:
    """With one of them the script ends before it has done anything, unless whoever runs it knows better."""
    told = [*_program_elsewhere(here.program), *_settings_elsewhere(here)]
    if told:
        yield from told
        yield "# Or, to run this script as it is: ANYWAY=1 sh install.sh"
        yield 'if [ -z "${ANYWAY:-}" ]; then'
        yield '    echo "nothing was done: see TO DO FIRST in this script" >&2'
        yield "    exit 1"
        yield "fi"


def _program_elsewhere(program: str) -> Iterator[str]:
    if _is_hidden(program):
        yield from _elsewhere(program, f"lies {UNSEEN}")
    elif any(sign in program for sign in REFUSED):
        yield from _elsewhere(program, "has a sign in its path that systemd takes in no program's")


def _elsewhere(program: str, trouble: str) -> Iterator[str]:
    yield ""
    yield f"# TO DO FIRST: {on_one_line(program)} {trouble}."
    yield "# Install catalogd into /opt/catalogd, and print this again with the one from there:"
    yield "#   python3 -m venv /opt/catalogd"
    yield "#   /opt/catalogd/bin/pip install --require-hashes -r requirements.lock   # in the checkout or sdist"
    yield "#   /opt/catalogd/bin/pip install --no-deps ."


def _settings_elsewhere(here: Surroundings) -> Iterator[str]:
    for name, value in here.settings.items():
        if any(map(_is_hidden, value.split(":"))):
            yield ""
            yield f"# TO DO FIRST: what {name} names lies {UNSEEN}: {on_one_line(value)}"
            yield "# Move it, and print this again."


def _is_hidden(path: str) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in HIDDEN))
