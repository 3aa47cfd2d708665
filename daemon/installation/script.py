"""Composes the script, step by step. What the shell does with no word of this machine in it stands in `shell/`."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from psycopg.conninfo import make_conninfo

from daemon import __version__
from daemon.installation import shipped
from daemon.installation.obstacles import warnings
from daemon.installation.quoting import env_value, on_one_line, shell_word, unit_word
from daemon.installation.surroundings import ROLE, Surroundings
from daemon.settings import Settings

COMMAND = "/usr/local/bin/catalogd"  # for people
METRICS = str(Settings.model_fields["metrics"].default)
END = "END_OF_FILE"


@dataclass(frozen=True, slots=True)
class Installation:
    """`instances` is their number; 0: one, without a number."""

    here: Surroundings
    instances: int = 0

    def script(self) -> str:
        steps = (
            *(self._head(), warnings(self.here), self._roles(), self._settings()),
            *(self._password(), self._unit(), self._command(), self._start()),
        )
        return "\n".join(line for step in steps for line in step) + "\n"

    def _head(self) -> Iterator[str]:
        yield "#!/bin/sh"
        yield f"# Makes catalogd {__version__} a service of this machine. Nothing of this has been done yet: read it,"
        yield "# change what is different with you, and run it as root: sh install.sh. It can be run again: a file"
        yield "# that is there stays as it is, and what it would be now lies beside it, with .new behind its name."
        yield "set -eu"
        yield "cd /"
        yield "export PGCLIENTENCODING=UTF8"
        yield f"catalogd={shlex.quote(self.here.program)}"
        yield from shipped.shell("lay")

    def _roles(self) -> Iterator[str]:
        database = self.here.database
        admin = {key: value for key, value in database.items() if key != "user"} | {"user": "postgres"}
        yield ""
        yield "# 1. Roles and tables, by a superuser of the database. Another than this: ADMIN_URL=… sh install.sh"
        yield f"admin_url=${{ADMIN_URL:-{shell_word(make_conninfo('', **admin))}}}"
        if self.here.is_by_socket and self.here.has_postgres:
            yield 'as_admin() { if [ -n "${ADMIN_URL:-}" ]; then "$@"; else runuser -u postgres -- "$@"; fi; }'
        else:
            yield 'as_admin() { "$@"; }  # who asks for a password: PGPASSWORD=… ADMIN_URL=… sh install.sh'
        grants = f'"$catalogd" grants --runtime {shlex.quote(database["user"])}'
        psql = 'as_admin psql --quiet --set ON_ERROR_STOP=1 --dbname "$admin_url"'
        yield "grant() {"
        yield f"    sql=$({grants})"
        yield f"    printf '%s\\n' \"$sql\" | {psql}"
        yield "}"
        yield "grant"
        yield 'as_admin env DATABASE_URL="$admin_url" "$catalogd" migrate'
        yield "grant  # what was made just now"

    def _settings(self) -> Iterator[str]:
        yield ""
        yield "# 2. Settings; all of them: docs/settings.md. The password: see 3."
        yield "[ -d /etc/catalogd ] || install -d -m 700 /etc/catalogd"
        yield "umask 077"
        values = {"DATABASE_URL": make_conninfo("", **self.here.database)} | dict(self.here.settings)
        lines = [f"{name}={env_value(value)}" for name, value in values.items()]
        yield from _file("/etc/catalogd/catalogd.env", "\n".join(lines))
        for number in range(2, self.instances + 1):
            yield from _file(f"/etc/catalogd/catalogd-{number}.env", "\n".join(self._own_settings(number)))
        yield "umask 022"

    def _own_settings(self, number: int) -> Iterator[str]:
        """What cannot be shared: a port each for the figures, and one page for all."""
        host, _, port = self.here.settings.get("CATALOGD_METRICS", METRICS).rpartition(":")
        if host and port != "0":
            yield f"CATALOGD_METRICS={env_value(f'{host}:{int(port) + number - 1}')}"
        if "CATALOGD_WEB" in self.here.settings:
            yield 'CATALOGD_WEB=""'

    def _password(self) -> Iterator[str]:
        role = self.here.database["user"]
        yield ""
        if self.here.needs_password:
            mark = ""
            named = on_one_line(role)
            yield f"# 3. The password of role {named}, alone in a file of root's. A new one becomes its own."
        else:
            mark = "#"
            yield f"# 3. No password: over the socket the server knows the unit's user, which is called {ROLE}"
            yield "# like the role (`peer` in pg_hba.conf, as on Debian and Ubuntu). Otherwise take the marks away"
            yield "# here, and at LoadCredential= below."
        yield f"{mark}url={shell_word(make_conninfo('', **self.here.database))}"
        yield f"{mark}alter={shell_word(f'ALTER ROLE {sql.Identifier(role).as_string()} PASSWORD')}"
        yield from (f"{mark}{line}" for line in shipped.shell("password"))

    def _unit(self) -> Iterator[str]:
        name = "catalogd@.service" if self.instances else "catalogd.service"
        yield ""
        yield "# 4. The unit."
        yield from _file(f"/etc/systemd/system/{name}", self._unit_text(name).rstrip("\n"))
        folder = f"/etc/systemd/system/{name}.d"
        if self.here.is_on_this_machine:
            mark = "#"
            yield "# For price lists from the web, take the marks away: the unit lets this machine alone be reached."
        else:
            mark = ""
            yield "# The database is on another machine, which the unit by itself does not let be reached."
        network = shipped.unit("network.conf").partition("[Service]")[2].strip()
        for line in (f"mkdir -p {folder}", *_file(f"{folder}/network.conf", f"[Service]\n{network}")):
            yield f"{mark}{line}"

    def _unit_text(self, name: str) -> str:
        text = shipped.unit(name).replace(shipped.PROGRAM, unit_word(self.here.program))
        return text.replace("#LoadCredential=", "LoadCredential=") if self.here.needs_password else text

    def _command(self) -> Iterator[str]:
        if self.here.program == COMMAND:
            return
        yield ""
        yield "# 5. `catalogd` for people: as root, with the settings, the password and the rights of the unit."
        text = shipped.unit("command.sh").replace(
            f"program={shipped.PROGRAM}", f"program={shell_word(self.here.program)}"
        )
        yield from _file(COMMAND, text.rstrip("\n"))
        yield f"[ -x {COMMAND} ] || chmod 755 {COMMAND}"

    def _start(self) -> Iterator[str]:
        units = [f"catalogd@{number}" for number in range(1, self.instances + 1)] or ["catalogd"]
        yield ""
        yield "# 6. Start it, now and at each boot, and see what it is doing."
        yield "systemctl daemon-reload"
        yield f"systemctl enable {' '.join(units)}"
        yield f"systemctl restart {' '.join(units)}"
        yield f"systemctl --no-pager status {' '.join(units)}"
        yield ""
        yield "# Then: what it learns from are the products that have a category. It does so by itself; see"
        yield f"#   catalogd status; catalogd doctor; journalctl -u {units[0]} -o cat"


def _file(path: str, text: str) -> Iterator[str]:
    yield f"lay {path} <<'{END}'"
    yield from text.splitlines()
    yield END
