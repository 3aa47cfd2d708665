"""Writes the page: every command with its options, every setting with its example, files, signals, exit statuses."""

import argparse
from collections.abc import Iterator, Mapping, Sequence

from daemon.manual.roff import entry, escape, heading, literal, paragraphs, subheading
from daemon.settings import SettingsGroup, environment_names

ABOUT = """
A PHP application inserts a row into a table of batches; `catalogd run` is woken by the database, does the work, and
writes results and live progress back into the same database. Several instances may run, on several hosts: they
share the work, and whatever dies meanwhile, each item is treated exactly once.

All commands find the database in the same settings, which are environment variables (see ENVIRONMENT). Commands that
only look need less than the daemon: `catalogd grants` makes a role for each.
"""
EXIT_STATUS = {
    "0": "done; of `tail`, the batch is completed; of `doctor`, nothing must be mended",
    "1": "failed: one sentence on stderr says why, and what helps. Of the daemon: start it again",
    "2": "the command was given something that it cannot work with",
    "78": "the configuration or the schema is wrong. Of the daemon: to start it again cannot help",
    "130": "interrupted",
}
SIGNALS = {
    "SIGTERM, SIGINT": "the daemon finishes what it has in hand, well under a second each, and exits 0; a second one"
    " rolls it back instead. Other commands end",
}
FILES = {
    "/etc/catalogd/catalogd.env": "settings for the systemd unit",
    ".env": "settings that the environment does not name, from the working directory; for development",
    "$CREDENTIALS_DIRECTORY/db_password": "the password, where systemd hands it over as a credential",
    "$STATE_DIRECTORY/price-lists, ~/.local/state/catalogd/price-lists": "fetched price lists, for a day",
}
ALSO_READ = {
    "NO_COLOR": "if it is set, nothing is printed in colours; where the output is no terminal, nothing is anyway",
    "NOTIFY_SOCKET": "set by systemd: where the daemon says that it is ready, and what it is doing",
    "PGSSLMODE, PGSSLROOTCERT, ...": "libpq's own variables work, too",
}
SEE_ALSO = ("psql(1)", "systemctl(1)", "journalctl(1)")


def write_page(parser: argparse.ArgumentParser, settings: Sequence[type[SettingsGroup]]) -> str:
    """The page as text. The same for the same command line and settings, on any day."""
    return "\n".join(_lines(parser, settings)) + "\n"


def _lines(parser: argparse.ArgumentParser, settings: Sequence[type[SettingsGroup]]) -> Iterator[str]:
    commands = dict(_commands(parser))
    yield '.\\" Made by "make man" from the command line and the settings: change those.'
    yield '.TH CATALOGD 1 "" catalogd "User Commands"'
    yield from (".nh", ".ad l")  # no word is cut, no line is stretched
    yield heading("NAME")
    yield f"catalogd \\- {escape('does the slow work of a product catalogue on Postgres')}"
    yield heading("SYNOPSIS")
    for number, (name, command) in enumerate(commands.items()):
        yield from [".br"] if number else []
        yield _synopsis(name, command)
    yield heading("DESCRIPTION")
    yield from paragraphs(ABOUT)
    yield heading("COMMANDS")
    for name, command in commands.items():
        yield subheading(name)
        yield from paragraphs(command.description or "")
        for action in _arguments(command):
            yield from entry(_term(action), _meaning(action))
    yield heading("EXIT STATUS")
    yield from _entries(EXIT_STATUS)
    yield heading("ENVIRONMENT")
    for group in settings:
        examples = _examples(group)
        for name, meaning in environment_names(group).items():
            example = f"; for example {examples[name]}" if examples.get(name) else ""
            yield from entry(f"\\fB{escape(name)}\\fR", f"{meaning}{example}")
    yield from _entries(ALSO_READ)
    yield heading("SIGNALS")
    yield from _entries(SIGNALS)
    yield heading("FILES")
    yield from _entries(FILES)
    yield heading("EXAMPLES")
    yield from literal(
        (command.epilog or "").removeprefix("example: ") for command in commands.values() if command.epilog
    )
    yield heading("SEE ALSO")
    yield ", ".join(f"\\fB{escape(page[:-3])}\\fR(1)" for page in SEE_ALSO)


def _commands(parser: argparse.ArgumentParser, prefix: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each that can be typed, by its whole name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                verbs = dict(_commands(command, f"{prefix}{name} "))
                if verbs:
                    yield from verbs.items()
                else:
                    yield prefix + name, command


def _arguments(command: argparse.ArgumentParser) -> list[argparse.Action]:
    hidden = (argparse._HelpAction, argparse._VersionAction)
    return [
        action for action in command._actions if action.help != argparse.SUPPRESS and not isinstance(action, hidden)
    ]


def _synopsis(name: str, command: argparse.ArgumentParser) -> str:
    parts = [f"\\fBcatalogd {escape(name)}\\fR"]
    for action in _arguments(command):
        term = _term(action)
        needed = action.required or (not action.option_strings and action.nargs != "?")
        parts.append(term if needed else f"[{term}]")
    return " ".join(parts)


def _term(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f"\\fI{escape(_value(action))}\\fR"
    options = ", ".join(f"\\fB{escape(option)}\\fR" for option in action.option_strings)
    return " ".join(filter(None, (options, value)))


def _value(action: argparse.Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(map(str, action.choices))
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


def _entries(terms: Mapping[str, str]) -> Iterator[str]:
    for term, meaning in terms.items():
        yield from entry(f"\\fB{escape(term)}\\fR", meaning)


def _examples(group: type[SettingsGroup]) -> dict[str, str]:
    fields = group.model_fields.values()
    names = environment_names(group)
    return {name: str(field.examples[0]) for name, field in zip(names, fields, strict=True) if field.examples}
