"""The environment, read once into frozen objects; only a password's file is read anew each time."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Group = TypeVar("Group", bound=BaseSettings)


def setting(default: object, name: str, help: str, example: str, **bounds: float) -> Any:
    """A field read from the environment variable `name`; help and example are shown when its value is refused."""
    return Field(default, validation_alias=AliasChoices(name), description=help, examples=[example], **bounds)  # type: ignore[call-overload]


class SettingsGroup(BaseSettings):
    """Settings that belong together; a kind of work may have a group of its own."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True, hide_input_in_errors=True
    )


class Settings(SettingsGroup):
    """Where the database is, and how the daemon behaves. DATABASE_URL goes before the DB_ variables."""

    database_url: SecretStr | None = setting(
        None, "DATABASE_URL", "the database, as a URL", "postgresql://catalogd@db.example/shop"
    )
    db_host: str | None = setting(None, "DB_HOST", "the database's host, or its socket directory", "127.0.0.1")
    db_port: int | None = setting(None, "DB_PORT", "the database's port", "5432", ge=1, le=65_535)
    db_name: str | None = setting(None, "DB_NAME", "the database's name", "shop")
    db_user: str | None = setting(None, "DB_USER", "the role to connect as", "catalogd")
    db_password: SecretStr | None = setting(
        None, "DB_PASSWORD", "its password; in production better a file, see DB_PASSWORD_FILE", "secret"
    )
    db_password_file: Path | None = setting(
        None,
        "DB_PASSWORD_FILE",
        "a file that holds the password alone, read anew for each connection; goes before a password given elsewhere",
        "/run/secrets/db_password",
    )
    credentials_directory: Path | None = setting(
        None,
        "CREDENTIALS_DIRECTORY",
        "set by systemd; its file db_password holds the password if none is given elsewhere",
        "/run/credentials/x",
    )

    workloads: str = setting(
        "",
        "CATALOGD_WORKLOADS",
        "the kinds of work that this instance does, with commas between; without it, all whose libraries are there",
        "categorization",
    )
    workers: int = setting(2, "CATALOGD_WORKERS", "threads of this instance that categorise products", "2", ge=1, le=64)
    threshold: float = setting(
        90.0,
        "CATALOGD_THRESHOLD",
        "the confidence from which a prediction's level is high",
        "90",
        ge=10,
        le=100,
    )
    learn: Literal["on", "off"] = setting(
        "on",
        "CATALOGD_LEARN",
        "off: the daemon does not learn by itself when enough has changed; catalogd learn still does",
        "off",
    )
    notify: Literal["on", "off"] = setting(
        "on",
        "CATALOGD_NOTIFY",
        "off: inserting a batch rings no bell, and the daemon polls; for catalogd migrate and catalogd run",
        "off",
    )
    poll_seconds: Seconds | None = setting(
        None, "CATALOGD_POLL_SECONDS", "the safety poll while nothing is open: 60, or 1 without NOTIFY", "60"
    )
    stop_seconds: Seconds = setting(20.0, "CATALOGD_STOP_SECONDS", "what a stop waits for slices in hand", "20")
    frozen_seconds: Seconds = setting(
        30.0,
        "CATALOGD_FROZEN_SECONDS",
        "how long a client may be silent inside a transaction",
        "30",
        ge=0.1,
        le=86_400,
    )
    partition_rows: int = setting(
        10_000_000,
        "CATALOGD_PARTITION_ROWS",
        "predictions that a partition made by catalogd partition holds; say what a month brings",
        "10000000",
        ge=1_000,
        le=1_000_000_000,
    )
    retention_days: int | None = setting(
        None,
        "CATALOGD_RETENTION_DAYS",
        "catalogd partition detaches partitions whose predictions are all older; without it, none",
        "365",
        ge=1,
        le=36_500,
    )
    without_sources: str = setting(
        "",
        "CATALOGD_WITHOUT_SOURCES",
        "sources of evidence that are not heard when categories are learned and decided, with commas between",
        "description,manufacturer",
    )
    metrics: str = setting(
        "127.0.0.1:9464",
        "CATALOGD_METRICS",
        "where the daemon serves figures for Prometheus and its health over HTTP: an address and a port, or off",
        "127.0.0.1:9464",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "CATALOGD_LOG_LEVEL", "the lowest level logged: debug, info, warning or error", "info"
    )
    log_format: Literal["auto", "json", "pretty"] = setting(
        "auto", "CATALOGD_LOG_FORMAT", "json, pretty, or auto: pretty on a terminal", "json"
    )

    @field_validator("database_url")
    @classmethod
    def _is_conninfo(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                parts = conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                raise ValueError("not a PostgreSQL URL or connection string") from None
            # libpq takes the rest of such a password for host, port or name, and would quote it in its errors.
            host, name, port = (str(parts.get(key) or "") for key in ("host", "dbname", "port"))
            if "@" in host + name:
                raise ValueError("its password holds a sign that a URL needs encoded: write @ as %40, / as %2F")
            if not all(map(_is_port, port.split(","))):  # one for each host
                raise ValueError("its port is no number from 1 to 65535, or its password holds a / (write %2F)")
        return value

    @field_validator("metrics")
    @classmethod
    def _is_address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        is_whole = bool(colon) and bool(host.strip("[]")) and (":" not in host or host[0] + host[-1] == "[]")
        if value != "off" and not (is_whole and (port == "0" or (bool(port) and _is_port(port)))):
            raise ValueError("neither an address and a port, nor off")
        return value

    @property
    def conninfo(self) -> str:
        """A libpq connection string with the password as it is now. Never log it.

        Raises ConfigurationError when the password's file cannot be read.
        """
        if self.database_url is not None:
            base = self.database_url.get_secret_value()
            is_whole = self.db_password_file is None and "password" in conninfo_to_dict(base)
            return base if is_whole else make_conninfo(base, password=self._password())
        return make_conninfo(
            "",
            host=self.db_host,
            port=self.db_port,
            dbname=self.db_name,
            user=self.db_user,
            password=self._password(),
        )

    @property
    def names_a_database(self) -> bool:
        if self.database_url is None:
            return self.db_name is not None
        parts = conninfo_to_dict(self.database_url.get_secret_value())
        return bool(parts.get("dbname") or parts.get("service"))

    @property
    def rings(self) -> bool:
        return self.notify == "on"

    @property
    def poll(self) -> timedelta:
        return timedelta(seconds=self.poll_seconds or (60.0 if self.rings else 1.0))

    @property
    def silent(self) -> frozenset[str]:
        """The sources of evidence that are not heard."""
        return frozenset(name.strip() for name in self.without_sources.split(",") if name.strip())

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """None where nothing is to be served. Port 0 is any that is free."""
        if self.metrics == "off":
            return None
        host, _, port = self.metrics.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def frozen(self) -> timedelta:
        return timedelta(seconds=self.frozen_seconds)

    def _password(self) -> str | None:
        if self.db_password_file is not None:
            return _read_password("DB_PASSWORD_FILE", self.db_password_file)
        if self.db_password is not None:
            return self.db_password.get_secret_value()
        if self.credentials_directory is not None:
            file = self.credentials_directory / "db_password"
            return _read_password("CREDENTIALS_DIRECTORY", file, may_be_missing=True)
        return None


def _read_password(name: str, file: Path, *, may_be_missing: bool = False) -> str | None:
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        if may_be_missing and isinstance(error, FileNotFoundError):
            return None
        raise ConfigurationError(f"{name}: {file} cannot be read ({type(error).__name__}); {_example(name)}") from None
    if not password:
        raise ConfigurationError(f"{name}: {file} is empty; {_example(name)}")
    return password


def read_settings(dotenv: Path | None = Path(".env"), *, needs_database: bool = True, **overrides: Any) -> Settings:
    """The daemon's own settings. Raises ConfigurationError as read_group does, and when no database is named; whether
    one must be is the caller's to say."""
    settings = read_group(Settings, dotenv, **overrides)
    if not settings.names_a_database:
        if not needs_database:
            return settings
        raise ConfigurationError(
            "no database is named: set DATABASE_URL, for example postgresql://catalogd@127.0.0.1/shop,"
            " or DB_HOST, DB_NAME and DB_USER"
        )
    _ = settings.conninfo  # a password file that cannot be read is told now, not at the first connection
    return settings


def read_group(group: type[Group], dotenv: Path | None = Path(".env"), **overrides: Any) -> Group:
    """A group of settings from the environment; a `.env` file fills in what it does not name.

    Raises ConfigurationError with the name, the problem and an example for the first value that is wrong.
    """
    try:
        return group(_env_file=dotenv, **{_alias(group, key): value for key, value in overrides.items()})
    except ValidationError as error:
        raise ConfigurationError(_refusal(group, error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{dotenv} cannot be read ({type(error).__name__}); remedy: a text in UTF-8") from None


def _is_port(text: str) -> bool:
    """Empty is the default port; libpq passes over spaces."""
    text = text.strip()
    return not text or (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535)


def _alias(group: type[BaseSettings], field: str) -> str:
    alias = group.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else field


def _refusal(group: type[BaseSettings], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    problem = first["msg"].removeprefix("Value error, ")
    return f"{name}: {problem[:1].lower()}{problem[1:]}; {_example(name, group)}"


def _example(name: str, group: type[BaseSettings] = Settings) -> str:
    field = next((f for key, f in group.model_fields.items() if _alias(group, key) == name), None)
    example = field.examples[0] if field is not None and field.examples else ""
    return f"example: {name}={example}"


def environment_names(group: type[BaseSettings] = Settings) -> Mapping[str, str]:
    """Each setting's variable with what it does, in order; for `--help` and the documentation."""
    return {_alias(group, key): str(field.description) for key, field in group.model_fields.items()}
