"""A measured figure beside what is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    wanted: str
    measured: str
    is_reached: bool | None  # None: not measured, or nothing to reach


MARKS = {True: "✓", False: "✗", None: "–"}


def table(figures: Sequence[Figure]) -> str:
    """In Markdown."""
    lines = ["| figure | to reach | measured | |", "| --- | --- | --- | --- |"]
    lines += [f"| {each.name} | {each.wanted} | {each.measured} | {MARKS[each.is_reached]} |" for each in figures]
    return "\n".join(lines)


def print_table(figures: Sequence[Figure]) -> None:
    print(f"\n{table(figures)}")
