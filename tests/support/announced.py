"""What the code logs: each event with its levels and keys, found in the source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LEVELS = ("debug", "info", "warning", "error")
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


@dataclass
class Announced:
    """One event, wherever it is logged."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def read_announced(folder: Path) -> Mapping[str, Announced]:
    """Every event that a module of the folder logs. Keys in `**words` are found where the words are a dict written out,
    in the same function or by a function of the folder."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))]
    everywhere = {name: function for tree in trees for name, function in _functions(tree).items()}
    found: dict[str, Announced] = defaultdict(Announced)
    for tree in trees:
        functions = everywhere | _functions(tree)
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            assigned = _assigned(function)
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call) and node.args]:
                levels = _levels(call.func, assigned)
                for name in _names(call.args[0], assigned) if levels else ():
                    found[name].levels |= levels
                    found[name].keys |= set(_keys(call, assigned, functions)) | _bound(call.func, assigned)
    return dict(found)


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _assigned(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """What each local name was given, each part of a tuple for itself."""
    values: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            for name, value in pairs:
                if isinstance(name, ast.Name):
                    values[name.id].append(value)
    return values


def _levels(func: ast.expr, assigned: Mapping[str, list[ast.expr]]) -> set[str]:
    """`log.info`, or a name that stands for `log.info if … else log.debug`."""
    if isinstance(func, ast.Attribute):
        return {func.attr} & set(LEVELS)
    if isinstance(func, ast.Name):
        chosen = [value for value in assigned.get(func.id, ()) if isinstance(value, ast.IfExp)]
        return {name for value in chosen for part in (value.body, value.orelse) for name in _levels(part, {})}
    return set()


def _names(first: ast.expr, assigned: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    values = assigned.get(first.id, []) if isinstance(first, ast.Name) else [first]
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and EVENT.fullmatch(value.value):
            yield value.value


def _keys(
    call: ast.Call, assigned: Mapping[str, list[ast.expr]], functions: Mapping[str, ast.FunctionDef]
) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg not in (None, "exc_info"):
            yield str(keyword.arg)
        elif keyword.arg is None:
            for node in ast.walk(keyword.value):
                yield from _keys_of_dicts(node)
                if isinstance(node, ast.Name):
                    for value in assigned.get(node.id, ()):
                        yield from _keys_of_dicts(value)
                    if node.id in functions:
                        for inner in ast.walk(functions[node.id]):
                            yield from _keys_of_dicts(inner)


def _keys_of_dicts(node: ast.AST) -> Iterator[str]:
    for key in node.keys if isinstance(node, ast.Dict) else ():
        if isinstance(key, ast.Constant):
            yield str(key.value)


def _bound(func: ast.expr, assigned: Mapping[str, list[ast.expr]]) -> set[str]:
    """The keys of `log = ….bind(…)`, where that is what is asked."""
    if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)):
        return set()
    binds = [value for value in assigned.get(func.value.id, ()) if isinstance(value, ast.Call)]
    return {str(keyword.arg) for call in binds for keyword in call.keywords}
