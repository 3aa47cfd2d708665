"""The words of words.toml."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path


def words(kind: str) -> frozenset[str]:
    """Those of one of its lists."""
    return _all()[kind]


@cache
def _all() -> Mapping[str, frozenset[str]]:
    with Path(__file__).with_name("words.toml").open("rb") as file:
        return {kind: frozenset(listed) for kind, listed in tomllib.load(file).items()}
