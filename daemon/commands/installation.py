"""The script that `catalogd install --print` prints: it makes catalogd a service of the machine it was printed on."""

import ipaddress
import pwd
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon import __version__
from daemon.errors import DaemonError
from daemon.settings import Settings, environment_names

PROGRAM = "/opt/catalogd/bin/catalogd"  # as the units have it
HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108  # from the unit: ProtectHome=, PrivateTmp=
SOCKETS = (Path("/run/postgresql"), Path("/tmp"))  # noqa: S108  # where PostgreSQL's are
ROLE = "catalogd_runtime"  # the unit's User=, for `peer` authentication, and what `catalogd grants` makes
COMMAND = "/usr/local/bin/catalogd"  # for people
PASSWORD = "/etc/catalogd/db_password"  # noqa: S105  # where it lies
METRICS = str(Settings.model_fields["metrics"].default)
HAS_PASSWORD = re.compile(r"password\s*=|//[^/@\s]*:[^/@\s]*@", re.IGNORECASE)  # a connection string, a URL
END = "END_OF_FILE"
LAY = """\
lay() {
    cat > "$1.new"
    if [ ! -e "$1" ]; then
        mv "$1.new" "$1"
    elif cmp -s "$1.new" "$1"; then
        rm "$1.new"
    else
        echo "kept as it is: $1; what it would be now: $1.new" >&2
    fi
}""".splitlines()
ASK = f"""\
ask() {{
    printf '%s: ' "$1" >&2
    if [ -t 0 ]; then stty -echo; fi
    IFS= read -r password
    if [ -t 0 ]; then stty echo; echo >&2; fi
}}
keep() {{
    (umask 077 && printf '%s\\n' "$password" > {PASSWORD})
}}
is_right() {{
    [ -s {PASSWORD} ] || return
    PGPASSWORD=$(cat {PASSWORD}) psql --quiet --no-password --dbname "$url" --command '' 2> /dev/null
}}
become() {{
    {{
        echo "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;"
        printf "%s '%s';\\n" "$alter" "$(printf '%s' "$password" | sed "s/'/''/g")"
    }} | as_admin psql --quiet --set ON_ERROR_STOP=1 --dbname "$admin_url"
}}
if ! is_right; then
    ask "password of the role, or a new one for it"
    keep
    if ! is_right; then
        first=$password
        ask "it is not its own; to make it that, once more"
        if [ -z "$password" ] || [ "$password" != "$first" ]; then
            rm {PASSWORD}
            echo "these were two, or none: nothing was changed; run this again" >&2
            exit 1
        fi
        become
        is_right || {{ echo "the role cannot log in: see pg_hba.conf" >&2; exit 1; }}
    fi
fi""".splitlines()
UNSEEN = "where the unit cannot see it (ProtectHome=, PrivateTmp=)"
REFUSED = "\"'\\"  # by systemd, in the path of a program, however it is quoted


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found on this machine; no secret is in it."""

    program: str  # catalogd's own path
    database: Mapping[str, str]  # libpq's words, without the password
    has_password: bool
    has_postgres: bool  # a system user of that name, who may become a superuser over the socket
    settings: Mapping[str, str]  # variables that are set here


def look_around(settings: Settings, environ: Mapping[str, str]) -> Surroundings:
    """Connects to nothing, and reads no password's file."""
    database, has_password = _database_of(settings)
    return Surroundings(_find_program(), database, has_password, _has_postgres(), _copied(settings, environ))


def _copied(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Our own variables, wherever they are set."""
    names = dict(zip(Settings.model_fields, environment_names(), strict=True))
    told = {names[key]: str(getattr(settings, key)) for key in settings.model_fields_set}
    own = told | {name: value for name, value in environ.items() if value}
    return {name: own[name] for name in sorted(own) if _is_copied(name) and not HAS_PASSWORD.search(own[name])}


def _is_copied(name: str) -> bool:
    is_secret = not name.endswith("_FILE") and any(word in name for word in ("PASSWORD", "SECRET", "TOKEN"))
    return not is_secret and (name.startswith("CATALOGD_") or name == "DB_PASSWORD_FILE")


def _database_of(settings: Settings) -> tuple[dict[str, str], bool]:
    if settings.database_url is not None:
        found = conninfo_to_dict(settings.database_url.get_secret_value())
    else:
        named = {
            "host": settings.db_host,
            "port": settings.db_port,
            "dbname": settings.db_name,
            "user": settings.db_user,
        }
        found = {key: value for key, value in named.items() if value is not None}
    has_password = settings.db_password is not None or "password" in found
    database = {key: str(value) for key, value in found.items() if key not in ("password", "sslpassword", "passfile")}
    socket = _find_socket()
    if "host" not in database and "service" not in database:
        database["host"] = str(socket.parent) if socket else "127.0.0.1"
    database.setdefault("dbname", "shop")
    if database.get("user", "postgres") == "postgres":  # a superuser is for the hand that installs
        database["user"] = ROLE
    return database, has_password


def _find_socket() -> Path | None:
    return next((path for folder in SOCKETS if (path := folder / ".s.PGSQL.5432").exists()), None)


def _has_postgres() -> bool:
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return True


def _find_program() -> str:
    own = Path(sys.argv[0])
    beside = Path(sysconfig.get_path("scripts")) / "catalogd"
    candidates = [own.absolute()] if own.name == "catalogd" and own.exists() else []
    candidates += [beside] if beside.exists() else []
    found = shutil.which("catalogd")
    return str(next(iter(candidates), Path(found) if found else Path(PROGRAM)))


@dataclass(frozen=True, slots=True)
class Installation:
    """Composes the script. `instances` is their number; 0: one, without a number."""

    here: Surroundings
    instances: int = 0

    def script(self) -> str:
        steps = (
            *(self._head, self._warnings, self._roles, self._settings),
            *(self._password, self._unit, self._command, self._start),
        )
        return "\n".join(line for step in steps for line in step()) + "\n"

    @property
    def is_by_socket(self) -> bool:
        return self.here.database.get("host", "").startswith(("/", "@"))

    @property
    def is_on_this_machine(self) -> bool:
        """As far as the unit is concerned, which lets 127.0.0.1 and ::1 be reached."""
        hosts = self.here.database.get("host", "").split(",")
        return self.is_by_socket or all(map(_is_loopback, hosts))

    def _head(self) -> Iterator[str]:
        yield "#!/bin/sh"
        yield f"# Makes catalogd {__version__} a service of this machine. Nothing of this has been done yet: read it,"
        yield "# change what is different with you, and run it as root: sh install.sh. It can be run again: a file"
        yield "# that is there stays as it is, and what it would be now lies beside it, with .new behind its name."
        yield "set -eu"
        yield "cd /"
        yield "export PGCLIENTENCODING=UTF8"
        yield f"catalogd={shlex.quote(self.here.program)}"
        yield from LAY

    def _warnings(self) -> Iterator[str]:
        """With one of them the script ends before it has done anything, unless whoever runs it knows better."""
        told = [*self._program_elsewhere(), *self._settings_elsewhere()]
        if told:
            yield from told
            yield "# Or, to run this script as it is: ANYWAY=1 sh install.sh"
            yield 'if [ -z "${ANYWAY:-}" ]; then'
            yield '    echo "nothing was done: see TO DO FIRST in this script" >&2'
            yield "    exit 1"
            yield "fi"

    def _program_elsewhere(self) -> Iterator[str]:
        if _is_hidden(self.here.program):
            yield from self._elsewhere(f"lies {UNSEEN}")
        elif any(sign in self.here.program for sign in REFUSED):
            yield from self._elsewhere("has a sign in its path that systemd takes in no program's")

    def _settings_elsewhere(self) -> Iterator[str]:
        for name, value in self.here.settings.items():
            if any(map(_is_hidden, value.split(":"))):
                yield ""
                yield f"# TO DO FIRST: what {name} names lies {UNSEEN}: {_comment(value)}"
                yield "# Move it, and print this again."

    def _elsewhere(self, trouble: str) -> Iterator[str]:
        yield ""
        yield f"# TO DO FIRST: {_comment(self.here.program)} {trouble}."
        yield "# Install catalogd into /opt/catalogd, and print this again with the one from there:"
        yield "#   python3 -m venv /opt/catalogd"
        yield "#   /opt/catalogd/bin/pip install --require-hashes -r requirements.lock   # in the checkout or sdist"
        yield "#   /opt/catalogd/bin/pip install --no-deps ."

    def _roles(self) -> Iterator[str]:
        database = self.here.database
        admin = {key: value for key, value in database.items() if key != "user"} | {"user": "postgres"}
        yield ""
        yield "# 1. Roles and tables, by a superuser of the database. Another than this: ADMIN_URL=… sh install.sh"
        yield f"admin_url=${{ADMIN_URL:-{_shell_default(make_conninfo('', **admin))}}}"
        if self.is_by_socket and self.here.has_postgres:
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
        lines = [f"{name}={_env_value(value)}" for name, value in values.items()]
        yield from _file("/etc/catalogd/catalogd.env", "\n".join(lines))
        for number in range(2, self.instances + 1):
            yield from _file(f"/etc/catalogd/catalogd-{number}.env", "\n".join(self._own_settings(number)))
        yield "umask 022"

    def _own_settings(self, number: int) -> Iterator[str]:
        """What cannot be shared: a port each for the figures, and one page for all."""
        host, _, port = self.here.settings.get("CATALOGD_METRICS", METRICS).rpartition(":")
        if host and port != "0":
            yield f"CATALOGD_METRICS={_env_value(f'{host}:{int(port) + number - 1}')}"
        if "CATALOGD_WEB" in self.here.settings:
            yield 'CATALOGD_WEB=""'

    def _password(self) -> Iterator[str]:
        role = self.here.database["user"]
        yield ""
        if not self._needs_password:
            yield f"# 3. No password: over the socket the server knows the unit's user, which is called {ROLE}"
            yield "# like the role (`peer` in pg_hba.conf, as on Debian and Ubuntu). Otherwise take the marks away"
            yield "# here, and at LoadCredential= below."
        else:
            yield f"# 3. The password of role {_comment(role)}, alone in a file of root's. A new one becomes its own."
        mark = "" if self._needs_password else "#"
        yield f"{mark}url={shlex.quote(_comment(make_conninfo('', **self.here.database)))}"
        yield f"{mark}alter={shlex.quote(_comment(f'ALTER ROLE {sql.Identifier(role).as_string()} PASSWORD'))}"
        yield from (f"{mark}{line}" for line in ASK)

    @property
    def _needs_password(self) -> bool:
        return self.here.has_password or not self.is_by_socket or self.here.database["user"] != ROLE

    def _unit(self) -> Iterator[str]:
        name = "catalogd@.service" if self.instances else "catalogd.service"
        yield ""
        yield "# 4. The unit."
        yield from _file(f"/etc/systemd/system/{name}", self.unit_text(name).rstrip("\n"))
        folder = f"/etc/systemd/system/{name}.d"
        if not self.is_on_this_machine:
            yield "# The database is on another machine, which the unit by itself does not let be reached."
        else:
            yield "# For price lists from the web, take the marks away: the unit lets this machine alone be reached."
        mark = "" if not self.is_on_this_machine else "#"
        network = _shipped("network.conf").partition("[Service]")[2].strip()
        for line in (f"mkdir -p {folder}", *_file(f"{folder}/network.conf", f"[Service]\n{network}")):
            yield f"{mark}{line}"

    def _command(self) -> Iterator[str]:
        if self.here.program == COMMAND:
            return
        yield ""
        yield "# 5. `catalogd` for people: as root, with the settings, the password and the rights of the unit."
        text = _shipped("command.sh").replace(
            f"program={PROGRAM}", f"program={shlex.quote(_comment(self.here.program))}"
        )
        yield from _file(COMMAND, text.rstrip("\n"))
        yield f"[ -x {COMMAND} ] || chmod 755 {COMMAND}"

    def unit_text(self, name: str) -> str:
        text = _shipped(name).replace(PROGRAM, _unit_word(self.here.program))
        return text.replace("#LoadCredential=", "LoadCredential=") if self._needs_password else text

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


def _shipped(name: str) -> str:
    """The text of a unit: of the checkout, or where the wheel has put it."""
    folders = Path(__file__).parents[2] / "systemd", Path(sysconfig.get_path("data")) / "share" / "catalogd" / "systemd"
    file = next((folder / name for folder in folders if (folder / name).exists()), None)
    if file is None:
        raise DaemonError(f"{folders[1]} is not there: install catalogd into an environment of its own")
    return file.read_text(encoding="utf-8")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _file(path: str, text: str) -> Iterator[str]:
    yield f"lay {path} <<'{END}'"
    yield from text.splitlines()
    yield END


def _env_value(text: str) -> str:
    """As systemd.exec(5) reads a file of settings."""
    escaped = "".join(f"\\{sign}" if sign in '"\\$`' else sign for sign in _comment(text))
    return f'"{escaped}"'


def _unit_word(path: str) -> str:
    """The program in a command line of a unit: % means something there, and $ only in its arguments."""
    word = "".join(f"\\{sign}" if sign in REFUSED else sign for sign in _comment(path).replace("%", "%%"))
    return f'"{word}"' if any(sign in word for sign in " \\") else word


def _shell_default(text: str) -> str:
    """Inside of ${…:-…}."""
    return shlex.quote(_comment(text))


def _is_hidden(path: str) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in HIDDEN))


def _comment(text: str) -> str:
    """On one line, and printable."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
