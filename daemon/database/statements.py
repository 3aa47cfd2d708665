"""Loads SQL statements, one per file, from a package's sql/ folder."""

from functools import cache
from importlib.resources import files

from psycopg import sql


@cache
def statement(package: str, name: str, **identifiers: str) -> bytes:
    """The text of `sql/<name>.sql` in `package`, ready to execute.

    `{word}` in the file becomes the quoted identifier given as that keyword, never a value; a literal brace is
    written twice.
    """
    quoted = {word: sql.Identifier(identifier) for word, identifier in identifiers.items()}
    return sql.SQL(text_of(package, name)).format(**quoted).as_bytes()


def text_of(package: str, name: str) -> str:
    """The text of `sql/<name>.sql` in `package`, as it stands: it is source code."""
    return load(package)[name]


@cache
def load(package: str) -> dict[str, str]:
    """All of a package's statements, by name: read at once, so that a process goes on with the files it began with
    when another version is installed over it."""
    folder = files(package).joinpath("sql")
    found = (file for file in folder.iterdir() if file.name.endswith(".sql"))
    return {file.name.removesuffix(".sql"): file.read_text(encoding="utf-8") for file in found}
