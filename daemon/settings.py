"""The environment, read once into a frozen object."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _setting(default: object, name: str, help: str, example: str, **bounds: float) -> Any:
    """A field read from the environment variable `name`; help and example are shown when its value is refused."""
    return Field(default, validation_alias=AliasChoices(name), description=help, examples=[example], **bounds)  # type: ignore[call-overload]


class Settings(BaseSettings):
    """Where the database is, and how the daemon behaves. DATABASE_URL goes before the DB_ variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, case_sensitive=True)

    database_url: SecretStr | None = _setting(
        None, "DATABASE_URL", "the database, as a URL", "postgresql://catalogd@db.example/shop"
    )
    db_host: str | None = _setting(None, "DB_HOST", "the database's host, or its socket directory", "127.0.0.1")
    db_port: int | None = _setting(None, "DB_PORT", "the database's port", "5432", ge=1, le=65_535)
    db_name: str | None = _setting(None, "DB_NAME", "the database's name", "shop")
    db_user: str | None = _setting(None, "DB_USER", "the role to connect as", "catalogd")
    db_password: SecretStr | None = _setting(
        None, "DB_PASSWORD", "its password; in production better a file, see CREDENTIALS_DIRECTORY", "secret"
    )
    credentials_directory: Path | None = _setting(
        None,
        "CREDENTIALS_DIRECTORY",
        "set by systemd; its file db_password holds the password",
        "/run/credentials/x",
    )

    workers: int = _setting(2, "CATALOGD_WORKERS", "worker threads of this instance", "2", ge=1, le=64)
    threshold: float = _setting(
        90.0,
        "CATALOGD_THRESHOLD",
        "the confidence from which a prediction's level is high",
        "90",
        ge=10,
        le=100,
    )
    poll_seconds: Seconds = _setting(60.0, "CATALOGD_POLL_SECONDS", "the safety poll while nothing is open", "60")
    stop_seconds: Seconds = _setting(20.0, "CATALOGD_STOP_SECONDS", "what a stop waits for slices in hand", "20")
    frozen_seconds: Seconds = _setting(
        30.0,
        "CATALOGD_FROZEN_SECONDS",
        "how long a client may be silent inside a transaction",
        "30",
        gt=0,
        le=86_400,
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "CATALOGD_LOG_LEVEL", "the lowest level logged: debug, info, warning or error", "info"
    )
    log_format: Literal["auto", "json", "pretty"] = _setting(
        "auto", "CATALOGD_LOG_FORMAT", "json, pretty, or auto: pretty on a terminal", "json"
    )

    @field_validator("database_url")
    @classmethod
    def _is_conninfo(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                raise ValueError("not a PostgreSQL URL or connection string") from None
        return value

    @property
    def conninfo(self) -> str:
        """A libpq connection string. It may hold the password: never log it."""
        if self.database_url is not None:
            base = self.database_url.get_secret_value()
            parts = conninfo_to_dict(base)
            return make_conninfo(base, password=self._password()) if "password" not in parts else base
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
    def frozen(self) -> timedelta:
        return timedelta(seconds=self.frozen_seconds)

    def _password(self) -> str | None:
        if self.db_password is not None:
            return self.db_password.get_secret_value()
        if self.credentials_directory is not None:
            file = self.credentials_directory / "db_password"
            try:
                return file.read_text(encoding="utf-8").rstrip("\n")
            except FileNotFoundError:
                return None
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(
                    f"CREDENTIALS_DIRECTORY: its file db_password cannot be read ({type(error).__name__});"
                    " example: CREDENTIALS_DIRECTORY=/run/credentials/catalogd.service"
                ) from None
        return None


def read_settings(dotenv: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """The settings of the environment; a `.env` file fills in what it does not name.

    Raises ConfigurationError with the name, the problem and an example for the first value that is wrong.
    """
    try:
        settings = Settings(_env_file=dotenv, **{_alias(key): value for key, value in overrides.items()})  # type: ignore[call-arg]
    except ValidationError as error:
        raise ConfigurationError(_refusal(error)) from None
    if not settings.names_a_database:
        raise ConfigurationError(
            "no database is named: set DATABASE_URL, for example postgresql://catalogd@127.0.0.1/shop,"
            " or DB_HOST, DB_NAME and DB_USER"
        )
    return settings


def _alias(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else field


def _refusal(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    field = next((f for key, f in Settings.model_fields.items() if _alias(key) == name), None)
    example = field.examples[0] if field is not None and field.examples else ""
    problem = first["msg"].removeprefix("Value error, ")
    return f"{name}: {problem[:1].lower()}{problem[1:]}; example: {name}={example}"


def environment_names() -> Mapping[str, str]:
    """Each setting's variable with what it does, in order; for `--help` and the documentation."""
    return {_alias(key): str(field.description) for key, field in Settings.model_fields.items()}
