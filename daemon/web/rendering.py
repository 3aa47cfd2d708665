"""Fills in the templates: ours, and those of each kind of work under its name. All that is filled in is escaped."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined

from daemon import __version__
from daemon.web import texts
from daemon.workloads.pages import Pages

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Renderer:
    """All templates and files, read when it is made: a process goes on with what it began with when another version is
    installed over it."""

    def __init__(self, pages: Mapping[str, Pages]) -> None:
        kinds: dict[str, BaseLoader] = {name: PackageLoader(each.package) for name, each in pages.items()}
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader("daemon.web"), PrefixLoader(kinds)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        for name in ("plain", "count", "rate", "span", "ago", "share", "moment"):
            self._environment.filters[name] = getattr(texts, name)
        self.files = {
            file.name: (TYPES[PurePath(file.name).suffix], file.read_bytes())
            for file in files("daemon.web").joinpath("static").iterdir()
            if PurePath(file.name).suffix in TYPES
        }
        self._environment.globals.update(
            version=__version__,
            navigation=[(kind, name, own.title) for kind, each in pages.items() for name, own in each.own.items()],
            fingerprints={name: hashlib.sha256(content).hexdigest()[:12] for name, (_, content) in self.files.items()},
        )
        for name in self._environment.list_templates(extensions=["html"]):
            self._environment.get_template(name)

    def render(self, template: str, shown: Mapping[str, object]) -> str:
        return self._environment.get_template(template).render(shown)
