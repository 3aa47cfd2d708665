"""Colours in the languages of the lists, and which of them are near to another."""

import tomllib
from functools import cache
from importlib.resources import files

from daemon.workloads.price_lists.matching.text import fold, tidy


@cache
def colours() -> dict[str, str]:
    """The colour that a folded word names."""
    content = _content()["colours"]
    return {fold(tidy(word)): colour for colour, words in content.items() for word in words}


@cache
def kin() -> dict[str, frozenset[str]]:
    """Of each colour those that it is now and then called, itself too."""
    near = {colour: {colour} for colour in _content()["colours"]}
    for members in _content()["kin"].values():
        for colour in members:
            near[colour].update(members)
    return {colour: frozenset(others) for colour, others in near.items()}


@cache
def _content() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files(__package__) / "colours.toml").read_text(encoding="utf-8"))
