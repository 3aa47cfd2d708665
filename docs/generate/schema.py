"""Writes docs/schema.md: what a migrated database says of its tables, and what schema.toml adds to it."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import class_row

SQL = Path(__file__).parent / "sql"
ADDED = Path(__file__).with_suffix(".toml")
ROLES = {"php": "catalogd_php", "runtime": "catalogd_runtime"}
OTHERS = {"users", "products", "categories", "akeneo_workflow"}  # the stand-in for the shop's own tables

HEAD = """\
<!-- made by "make docs" from the migrations and docs/generate/schema.toml -->
# Schema

What `catalogd migrate` makes, or adopts where PHP's migrations made it before. A shop may add columns, indexes and
triggers of its own: only the loss or the change of what is here counts.

- **contract**: what outsiders may rely on from version to version; a change is told in
  [CHANGELOG.md](../CHANGELOG.md). Everything else may change with any version.
- **written by**: who has the right to, by the roles of `catalogd grants`: PHP, or the daemon (with the commands that
  work as it does). Nobody named: the server does, by a default, an identity or a trigger. The tables belong to the
  owner role.
- The types are those that catalogd makes. In adopted tables ids may be integer, texts varchar of any length, times
  without a zone.
- `null` after a type: the column may be empty.
"""
MARK = "✓"
TYPES = {
    "character varying": "varchar",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "double precision": "float8",
}

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column:
    relation: str
    is_view: bool
    name: str
    type: str
    is_required: bool
    comment: str | None
    writers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Part:
    """A key, a check, an index or a trigger of a table."""

    relation: str
    name: str
    definition: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    source: str
    column_name: str
    target: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """What the database says of itself."""

    columns: Sequence[Column]
    constraints: Sequence[Part]
    indexes: Sequence[Part]
    triggers: Sequence[Part]
    references: Sequence[Reference]

    def columns_of(self, relation: str) -> list[Column]:
        return [column for column in self.columns if column.relation == relation]


def read_schema(conn: Connection) -> Schema:
    """Of a migrated database in which the roles have their rights."""
    return Schema(
        columns=_read(conn, "columns", Column),
        constraints=_read(conn, "constraints", Part),
        indexes=_read(conn, "indexes", Part),
        triggers=_read(conn, "triggers", Part),
        references=_read(conn, "references", Reference),
    )


def read_added() -> Mapping[str, Any]:
    return tomllib.loads(ADDED.read_text(encoding="utf-8"))


def write_schema(schema: Schema) -> str:
    """The whole page."""
    added = read_added()
    parts = [HEAD]
    for section in added["section"]:
        parts.append(f"\n## {section['title']}\n")
        if text := section.get("text"):
            parts.append(f"\n{text}\n")
        parts.append(_diagram(schema, list(section["tables"])))
        parts += [_table(schema, name, said, added["common"]) for name, said in section["tables"].items()]
    return "".join(parts)


def _read(conn: Connection, name: str, kind: type[Row]) -> list[Row]:
    query = (SQL / f"{name}.sql").read_bytes()
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, ROLES).fetchall()


def _table(schema: Schema, name: str, said: Mapping[str, Any], common: Mapping[str, str]) -> str:
    columns = schema.columns_of(name)
    kind = "View. " if columns[0].is_view else ""
    contract = said.get("contract", [])
    rows = []
    for column in columns:
        meaning = said.get("columns", {}).get(column.name) or column.comment or common.get(column.name, "")
        mark = MARK if contract == "all" or column.name in contract else ""
        rows.append(
            (f"`{column.name}`", _type(column), mark, "" if column.is_view else ", ".join(column.writers), meaning)
        )
    text = f"\n### {name}\n\n{kind}{said['text']}\n\n"
    text += _rows(("column", "type", "contract", "written by", "meaning"), rows)
    details = [
        *_listed("Keys and checks", [part for part in schema.constraints if part.relation == name]),
        *_listed("Indexes", [part for part in schema.indexes if part.relation == name]),
        *_listed("Triggers", [part for part in schema.triggers if part.relation == name]),
    ]
    return text + ("\n" + "".join(details) if details else "")


def _listed(title: str, parts: Sequence[Part]) -> Iterable[str]:
    if parts:
        yield f"- {title}:\n"
        yield from (f"  - `{part.name}`: `{_plain(part.definition)}`\n" for part in parts)


def _plain(definition: str) -> str:
    """As a person would have written it: the server repeats the type of each value."""
    text = re.sub(r"::(?:character varying|timestamp with time zone|\w+)(?:\[\])?", "", " ".join(definition.split()))
    text = re.sub(r"= ANY \(ARRAY\[(.*?)\]\)", r"IN (\1)", text)
    text = re.sub(r"'(-?\d+)'", r"\1", text)
    return re.sub(r"\(\((\w+)\) ", r"(\1 ", text)


def _type(column: Column) -> str:
    text = column.type
    for long, short in TYPES.items():
        text = text.replace(long, short)
    return text if column.is_required or column.is_view else f"{text}, null"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _diagram(schema: Schema, names: Sequence[str]) -> str:
    """The section's tables and what they point at, with the columns by which they do."""
    shown = [reference for reference in schema.references if reference.source in names]
    if not shown:
        return ""
    lines = ["erDiagram"]
    for reference in shown:
        one = "||" if reference.is_required else "|o"
        lines.append(f"    {reference.target} {one}--o{{ {reference.source} : {reference.column_name}")
    return "\n```mermaid\n" + "\n".join(lines) + "\n```\n"
