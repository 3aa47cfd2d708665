"""Words that tell one variant from another, in the languages of the lists: colours, and conditions as "refurbished"."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from daemon.workloads.price_lists.matching.text import fold, tidy


@cache
def colours() -> dict[str, str]:
    """The colour that a folded word names."""
    content = _read("colours.toml")["colours"]
    return {fold(tidy(word)): colour for colour, words in content.items() for word in words}


@cache
def conditions() -> dict[str, str]:
    """The condition that a folded word names."""
    return {fold(tidy(word)): condition for condition, words in _read("conditions.toml").items() for word in words}


@cache
def kin() -> dict[str, frozenset[str]]:
    """Of each colour those that it is now and then called, itself too."""
    near = {colour: {colour} for colour in _read("colours.toml")["colours"]}
    for members in _read("colours.toml")["kin"].values():
        for colour in members:
            near[colour].update(members)
    return {colour: frozenset(others) for colour, others in near.items()}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text(encoding="utf-8"))
