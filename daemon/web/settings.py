"""Where the page is shown, under which addresses, and the token that lets people act."""

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr, field_validator

from daemon.database.pool import Session
from daemon.errors import ConfigurationError
from daemon.settings import SettingsGroup, read_group, setting

SHORTEST_TOKEN = 16  # characters; nobody guesses so many
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; a host of IPv6 has no brackets here. Port 0 takes any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or (_is_ip(self.host) and ip_address(self.host).is_loopback)

    @property
    def name(self) -> str:
        """The host as it stands in an address."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


def parse_address(text: str) -> Address:
    """Raises ValueError."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535
    if not (colon and host and is_port) or (":" in host and not _is_ip(host)):
        raise ValueError("a host and a port are wanted")
    return Address(host, int(port))


class WebSettings(SettingsGroup):
    """The page's own settings."""

    listen: str = setting(
        "", "CATALOGD_WEB", "where catalogd run shows a page to look at; without it, nowhere", "127.0.0.1:8464"
    )
    origins: str = setting(
        "",
        "CATALOGD_WEB_ORIGINS",
        "the addresses under which a reverse proxy offers the page, with commas between",
        "https://catalogd.example.com",
    )
    database: SecretStr | None = setting(
        None,
        "CATALOGD_WEB_DATABASE",
        "what differs for the page from the way to the database, such as a role that may read more than the daemon's",
        "user=catalogd_web passfile=/etc/catalogd/web.pgpass",
    )
    token: SecretStr | None = setting(
        None,
        "CATALOGD_WEB_TOKEN",
        "who says it may act on the page; without one, it only shows; in production better a file",
        "what-openssl-rand-hex-24-prints",
    )
    token_file: Path | None = setting(
        None,
        "CATALOGD_WEB_TOKEN_FILE",
        "a file that holds the token alone; goes before a token given elsewhere",
        "/run/secrets/web_token",
    )
    credentials_directory: Path | None = setting(
        None, "CREDENTIALS_DIRECTORY", "set by systemd; its file web_token holds the token", "/run/credentials/x"
    )

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            parse_address(value)
        return value

    @field_validator("database")
    @classmethod
    def _is_conninfo(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                raise ValueError("not a PostgreSQL URL or connection string") from None
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in _split(value):
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or "@" in parts.netloc
                or f"{parts.scheme}://{parts.netloc}".lower() != origin.lower()
            ):
                raise ValueError("http or https and a host are wanted, and nothing behind")
        return value


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in: under which addresses, and with which token."""

    address: Address
    origins: frozenset[str]
    token: str | None = field(default=None, repr=False)
    database: str = field(default="", repr=False)  # what differs from the way that commands have

    def session(self, session: Session) -> Session:
        """How the page connects where this process connects like that."""
        if not self.database:
            return session
        own = conninfo_to_dict(self.database)
        foreign = {"password", "passfile"} if "user" in own else set()  # another role's

        def conninfo() -> str:
            usual = conninfo_to_dict(session.current_conninfo())
            return make_conninfo("", **{key: value for key, value in usual.items() if key not in foreign} | own)

        return replace(session, conninfo=conninfo)

    @property
    def hosts(self) -> frozenset[str]:
        """The names in a request's Host, without port, that are ours: any other is somebody else's page on us."""
        proxied = {urlsplit(origin).netloc.rpartition("@")[2] for origin in self.origins}
        return LOOPBACK_NAMES | {self.address.name} | {_without_port(host) for host in proxied}

    @property
    def is_for_this_host_only(self) -> bool:
        """Whether only who is on this host can reach it; otherwise reading needs the token, too."""
        return self.address.is_loopback and not self.origins


def read_access(listen: str | None = None) -> Access | None:
    """None where no page is wanted. Raises ConfigurationError."""
    settings = read_group(WebSettings) if listen is None else read_group(WebSettings, listen=listen)
    if not settings.listen:
        return None
    access = Access(
        parse_address(settings.listen),
        frozenset(map(_as_browsers_say, _split(settings.origins))),
        _read_token(settings),
        settings.database.get_secret_value() if settings.database else "",
    )
    if access.token is None and not access.is_for_this_host_only:
        raise ConfigurationError(
            "CATALOGD_WEB: others than this host would reach the page: set CATALOGD_WEB_TOKEN_FILE, too,"
            " or listen on 127.0.0.1 and without CATALOGD_WEB_ORIGINS"
        )
    return access


def _read_token(settings: WebSettings) -> str | None:
    name, token = "CATALOGD_WEB_TOKEN", settings.token.get_secret_value() if settings.token else None
    file = settings.token_file
    if file is None and token is None and settings.credentials_directory is not None:
        file = settings.credentials_directory / "web_token"
        file = file if file.exists() else None
    if file is not None:
        name = "CATALOGD_WEB_TOKEN_FILE"
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{name}: {file} cannot be read ({type(error).__name__})") from None
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ConfigurationError(f"{name}: at least {SHORTEST_TOKEN} characters are wanted: openssl rand -hex 24")
    return token


def _split(text: str) -> list[str]:
    return [part.strip().rstrip("/") for part in text.split(",") if part.strip()]


def _as_browsers_say(origin: str) -> str:
    """In small letters, and without the port that goes without saying."""
    scheme, _, place = origin.lower().partition("://")
    return f"{scheme}://{place.removesuffix({'http': ':80', 'https': ':443'}[scheme])}"


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
