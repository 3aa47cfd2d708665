"""Words as they are written for who reads them: the shell, systemd, its files of settings."""

import shlex

REFUSED = "\"'\\"  # by systemd, in the path of a program, however it is quoted


def shell_word(text: str) -> str:
    """For a line that must stay one, as it may be a comment, or stands in a file. Elsewhere shlex.quote does."""
    return shlex.quote(on_one_line(text))


def env_value(text: str) -> str:
    """As systemd.exec(5) reads a file of settings."""
    escaped = "".join(f"\\{sign}" if sign in '"\\$`' else sign for sign in on_one_line(text))
    return f'"{escaped}"'


def unit_word(path: str) -> str:
    """The program in a command line of a unit: % means something there, and $ only in its arguments."""
    word = "".join(f"\\{sign}" if sign in REFUSED else sign for sign in on_one_line(path).replace("%", "%%"))
    return f'"{word}"' if any(sign in word for sign in " \\") else word


def on_one_line(text: str) -> str:
    """And printable."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
