"""What was found on this machine."""

import ipaddress
import pwd
import re
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from daemon.installation.shipped import PROGRAM
from daemon.settings import Settings, environment_names

SOCKETS = (Path("/run/postgresql"), Path("/tmp"))  # noqa: S108  # where PostgreSQL's are
ROLE = "catalogd_runtime"  # the unit's User=, for `peer` authentication, and what `catalogd grants` makes
HAS_PASSWORD = re.compile(r"password\s*=|//[^/@\s]*:[^/@\s]*@", re.IGNORECASE)  # a connection string, a URL


@dataclass(frozen=True, slots=True)
class Surroundings:
    """No secret is in it."""

    program: str  # catalogd's own path
    database: Mapping[str, str]  # libpq's words, without the password
    has_password: bool
    has_postgres: bool  # a system user of that name, who may become a superuser over the socket
    settings: Mapping[str, str]  # variables that are set here

    @property
    def is_by_socket(self) -> bool:
        return self.database.get("host", "").startswith(("/", "@"))

    @property
    def is_on_this_machine(self) -> bool:
        """As far as the unit is concerned, which lets 127.0.0.1 and ::1 be reached."""
        hosts = self.database.get("host", "").split(",")
        return self.is_by_socket or all(map(_is_loopback, hosts))

    @property
    def needs_password(self) -> bool:
        return self.has_password or not self.is_by_socket or self.database["user"] != ROLE


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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
