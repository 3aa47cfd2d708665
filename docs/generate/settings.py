"""Writes docs/settings.md: what the code says of each setting, and what settings.toml adds to it."""

import importlib
import pkgutil
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import daemon
from daemon.settings import Settings, SettingsGroup

ADDED = Path(__file__).with_suffix(".toml")
KINDS = {int: "whole number", float: "number", Path: "path", str: "text", SecretStr: "text, never shown"}

HEAD = """\
<!-- made by "make docs" from daemon/settings.py, the settings of each kind of work, and docs/generate/settings.toml -->
# Settings

Every setting is an environment variable. In development a file `.env` in the working directory fills in what the
environment does not say; in production the unit reads `/etc/catalogd/catalogd.env`.

- A variable that is set to nothing counts as not set.
- Settings are read once, when a command starts, and **all of a group are checked then**, whatever the command needs:
  the first wrong one ends it with exit code 78 and a sentence that says its name, what is wrong with it, and an
  example. A value is never repeated, for it may be a password.
- A daemon that runs has to be started anew to see a change (`systemctl restart catalogd`, which finishes the slices in
  hand); where the table says *at once* it has not.
- Instances of one fleet may differ in everything, but should agree where the table says so.
"""

TABLE = "| variable | values | default | meaning | read by |\n| --- | --- | --- | --- | --- |\n"


def find_groups() -> Sequence[type[SettingsGroup]]:
    """The daemon's own settings, and those of each room that has a module of that name."""
    for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
        if module.name.endswith(".settings"):
            importlib.import_module(module.name)
    others = (group for group in SettingsGroup.__subclasses__() if group is not Settings)
    return [Settings, *sorted(others, key=lambda group: group.__module__)]


GROUPS = find_groups()


def write_settings() -> str:
    """The whole page."""
    fields = dict(reversed([pair for group in GROUPS for pair in read_fields(group)]))  # the first who names it
    parts = [HEAD]
    for section in read_sections():
        rows = [_row(name, fields[name], added) for name, added in section["settings"].items()]
        text = " ".join(section.get("text", "").split())
        parts.append(f"\n## {section['title']}\n\n" + (f"{text}\n\n" if text else "") + TABLE + "".join(rows))
    return "".join(parts)


def read_fields(group: type[SettingsGroup]) -> Iterator[tuple[str, FieldInfo]]:
    """Each variable of a group."""
    for field in group.model_fields.values():
        yield str(field.validation_alias.choices[0]), field  # type: ignore[union-attr]


def read_sections() -> list[dict[str, Any]]:
    sections: list[dict[str, Any]] = tomllib.loads(ADDED.read_text(encoding="utf-8"))["section"]
    return sections


def _row(name: str, field: FieldInfo, added: Mapping[str, Any]) -> str:
    meaning = f"{field.description}."
    example = field.examples[0] if field.examples else ""
    values = f"{_values(field)}, such as `{example}`" if not _choices(field) else _values(field)
    readers = (
        "all that connect" if added["read_by"] == "all" else ", ".join(f"`{reader}`" for reader in added["read_by"])
    )
    if added.get("is_seen_at_once"):
        readers += ", *at once*"
    default = added.get("default") or _default(field)
    cells = (f'<a id="{name}"></a>`{name}`', values, default, f"{meaning} {added.get('more', '')}".strip(), readers)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _default(field: FieldInfo) -> str:
    if field.default in (None, "", PydanticUndefined):
        return "none"
    value = field.default
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _values(field: FieldInfo) -> str:
    if choices := _choices(field):
        return ", ".join(f"`{choice}`" for choice in choices)
    kind, bounds = _kind(field)
    least = next((bound.ge for bound in bounds if isinstance(bound, Ge)), None)
    above = next((bound.gt for bound in bounds if isinstance(bound, Gt)), None)
    most = next((bound.le for bound in bounds if isinstance(bound, Le)), None)
    words = KINDS[kind]
    if least is not None:
        words += f" from {least:,}"
    elif above is not None:
        words += f" above {above:,}"
    return words + (f" to {most:,}" if most is not None else "")


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _kind(field: FieldInfo) -> tuple[type, list[Any]]:
    """The type behind what may be None or annotated, and its bounds."""
    kind, bounds = field.annotation, list(field.metadata)
    while (origin := get_origin(kind)) is not None:
        arguments = get_args(kind)
        if origin in (Union, types.UnionType):
            kind = next(argument for argument in arguments if argument is not type(None))
        else:  # Annotated
            kind = arguments[0]
            bounds += [bound for meta in arguments[1:] for bound in getattr(meta, "metadata", [meta])]
    return cast("type", kind), bounds
