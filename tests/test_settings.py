"""Settings: which source goes first, what is refused and how, and what is never shown."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from daemon.errors import ConfigurationError
from daemon.settings import Settings, environment_names, read_settings

SECRET = "s3cr3t-wörd"  # noqa: S105  # opens nothing

WRONG_VALUES = {
    "DATABASE_URL": [
        "mysql://db/shop",
        "postgresql://host/shop?colour=red",
        "shop",
        f"postgresql://u:{SECRET}%ZZ@h/db",
        f"postgresql://u:a@{SECRET}@h/db",
        f"postgresql://u:{SECRET}/a@h/db",
        f"host=h password=a {SECRET} dbname=db",
        f"postgresql://u:{SECRET}@h:abc/db",
        "postgresql://h:65536/db",
        "postgresql://one:5432,two:0/db",
        "dbname=db port=-1",
    ],
    "DB_PORT": ["abc", "0", "65536", "5432.5", "-1"],
    "CATALOGD_WORKERS": ["0", "65", "many", "1.5"],
    "CATALOGD_THRESHOLD": ["9.99", "100.1", "high", "nan"],
    "CATALOGD_NOTIFY": ["no", "ON"],
    "CATALOGD_LEARN": ["no", "yes", "1"],
    "CATALOGD_POLL_SECONDS": ["0", "-1", "soon", "86401", "nan", "inf"],
    "CATALOGD_STOP_SECONDS": ["0", "1e9"],
    "CATALOGD_FROZEN_SECONDS": ["0", "0.0004", "x"],
    "CATALOGD_PARTITION_ROWS": ["999", "1000000001", "1e6", "many"],
    "CATALOGD_RETENTION_DAYS": ["0", "36501", "1.5", "never"],
    "CATALOGD_METRICS": [
        "on",
        "9464",
        ":9464",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "::1:9464",
        "[]:9464",
        "h:-1",
    ],
    "CATALOGD_LOG_LEVEL": ["verbose", "INFO"],
    "CATALOGD_LOG_FORMAT": ["xml"],
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine's, and no .env file."""
    for name in environment_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def parts(settings: Settings) -> dict[str, str]:
    return {name: str(value) for name, value in conninfo_to_dict(settings.conninfo).items()}


def test_a_database_by_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"HOST": "db.example", "PORT": "6432", "NAME": "shop", "USER": "catalogd", "PASSWORD": SECRET}
    for name, value in values.items():
        monkeypatch.setenv(f"DB_{name}", value)
    assert parts(read_settings()) == {
        "host": "db.example",
        "port": "6432",
        "dbname": "shop",
        "user": "catalogd",
        "password": SECRET,
    }


def test_database_url_goes_before_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://one@first/shop")
    monkeypatch.setenv("DB_HOST", "second")
    monkeypatch.setenv("DB_NAME", "other")
    monkeypatch.setenv("DB_USER", "two")
    assert parts(read_settings()) == {"host": "first", "dbname": "shop", "user": "one"}


@pytest.mark.parametrize("port", ["", "5432", "1,65535,", " 5432 "])
def test_a_port_for_each_host_or_none_is_taken(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"host=one,two,three dbname=shop port='{port}'")
    assert parts(read_settings())["dbname"] == "shop"


def test_a_url_without_a_password_takes_the_one_given_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    monkeypatch.setenv("DATABASE_URL", "postgresql://one@first/shop")
    assert parts(read_settings())["password"] == SECRET
    monkeypatch.setenv("DATABASE_URL", "postgresql://one:other@first/shop")
    assert "other" in parts(read_settings()).values()


def test_the_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"DB_NAME=shop\nDB_PORT=6000\nDB_PASSWORD={SECRET}\nAPP_ENV=dev\nCATALOGD_WORKERS=3\n"
    )
    monkeypatch.setenv("DB_PORT", "7000")
    settings = read_settings()
    assert parts(settings) == {"dbname": "shop", "port": "7000", "password": SECRET}
    assert settings.workers == 3


def test_an_env_file_that_is_no_text_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Also when the daemon reads it anew: it goes on."""
    (tmp_path / ".env").write_bytes(b"CATALOGD_LOG_LEVEL=\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read \(UnicodeDecodeError\)"):
        read_settings(tmp_path / ".env")


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    monkeypatch.setenv("CATALOGD_WORKERS", "3")
    assert read_settings(workers=5).workers == 5


def test_a_systemd_credential_holds_the_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "password" not in parts(read_settings())
    (tmp_path / "db_password").write_text(f"{SECRET}\n", encoding="utf-8")
    assert parts(read_settings())["password"] == SECRET
    monkeypatch.setenv("DB_PASSWORD", "from the environment")
    assert "from the environment" in parts(read_settings()).values()


def test_a_named_password_file_goes_before_every_other_password_and_is_read_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "db_password").write_text("the credential")
    file = tmp_path / "file"
    file.write_text(f"{SECRET}\r\n", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:in-the-url@h/db")
    monkeypatch.setenv("DB_PASSWORD", "from the environment")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("DB_PASSWORD_FILE", str(file))
    settings = read_settings()
    assert parts(settings)["password"] == SECRET
    file.write_text(f" {SECRET} ", encoding="utf-8")
    assert parts(settings)["password"] == f" {SECRET} "


@pytest.mark.parametrize("content", [None, SECRET.encode("latin-1"), b"\n"], ids=["a directory", "not UTF-8", "empty"])
@pytest.mark.parametrize(("name", "value"), [("CREDENTIALS_DIRECTORY", "."), ("DB_PASSWORD_FILE", "db_password")])
def test_a_password_file_that_cannot_be_read_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, name: str, value: str
) -> None:
    file = tmp_path / "db_password"
    file.mkdir() if content is None else file.write_bytes(content)
    monkeypatch.setenv("DB_NAME", "shop")
    monkeypatch.setenv(name, str(tmp_path / value))
    with pytest.raises(ConfigurationError, match=rf"{name}: .*db_password .*; example: {name}=/") as refusal:
        read_settings()
    assert "s3cr3t" not in str(refusal.value)


def test_a_password_file_that_is_missing_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    monkeypatch.setenv("DB_PASSWORD_FILE", "/nowhere/password")
    with pytest.raises(ConfigurationError, match="DB_PASSWORD_FILE: /nowhere/password cannot be read"):
        read_settings()


@pytest.mark.parametrize("password", ["a%40b%2Fc", "a:b", "a?b#c", "a[b"])
def test_a_password_that_a_url_can_hold_is_taken(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{password}@one,two:5433/db?application_name=x@y")
    assert parts(read_settings())["password"] == password.replace("%40", "@").replace("%2F", "/")


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_VALUES.items() for value in values]
)
def test_a_wrong_value_is_refused_with_its_name_the_problem_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        read_settings()
    said, _, example = str(refusal.value).partition("; example: ")
    assert said.startswith(f"{name}: ")
    assert len(said) > len(name) + 10
    assert "\n" not in said
    assert SECRET not in said
    assert refusal.value.exit_code == 78
    variable, _, right = example.partition("=")
    assert variable == name
    monkeypatch.setenv(name, right)
    read_settings()


def test_every_setting_that_has_bounds_is_tried() -> None:
    free = {"DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_PASSWORD_FILE", "CREDENTIALS_DIRECTORY"}
    free |= {"CATALOGD_WITHOUT_SOURCES", "CATALOGD_WORKLOADS"}  # any names: others know which there are
    assert set(environment_names()) == set(WRONG_VALUES) | free


@pytest.mark.parametrize("url", [None, "", "postgresql://", "postgresql://catalogd@db.example", "host=db.example"])
def test_no_database_named_is_refused(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    if url is not None:
        monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DB_HOST", "db.example")
    with pytest.raises(ConfigurationError, match="no database is named: set DATABASE_URL, for example postgresql://"):
        read_settings()


def test_a_password_is_not_in_what_settings_show_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{SECRET}@h/db")
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    settings = read_settings()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert SECRET not in shown
    assert "s3cr3t" not in shown


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (None, ("127.0.0.1", 9464)),
        ("0.0.0.0:9465", ("0.0.0.0", 9465)),  # noqa: S104  # whoever wants it
        ("[::1]:9464", ("::1", 9464)),
        ("localhost:0", ("localhost", 0)),
        ("off", None),
    ],
)
def test_where_figures_are_served(
    monkeypatch: pytest.MonkeyPatch, value: str | None, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    if value is not None:
        monkeypatch.setenv("CATALOGD_METRICS", value)
    assert read_settings().metrics_address == address


def test_settings_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_NAME", "shop")
    with pytest.raises(ValueError, match="frozen"):
        read_settings().workers = 9  # type: ignore[misc]
