"""The kinds of work this daemon does: a new one is one package and one line here.

Nothing of a package is imported before it is wanted: commands that only name the kinds are quick, and need no extra.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.engine.workload import Workload
    from daemon.settings import Settings
    from daemon.workloads.kind import Kind

PACKAGES = {  # by the name of the kind; in each a module `kind` with KIND, and a module `workload` with `build`
    "categorization": "daemon.workloads.categorization",
    "price-lists": "daemon.workloads.price_lists",
}
NAMES = tuple(PACKAGES)


def read_kind(name: str) -> Kind:
    """What commands know of it."""
    kind: Kind = import_module(f"{PACKAGES[name]}.kind").KIND
    return kind


def _build(package: str, settings: Settings) -> Workload:
    workload: Workload = import_module(f"{package}.workload").build(settings)
    return workload


BUILDERS: tuple[Callable[[Settings], Workload], ...] = (partial(_build, PACKAGES["categorization"]),)


def build_workloads(settings: Settings) -> list[Workload]:
    return [build(settings) for build in BUILDERS]
