"""What each failure is worth, by its SQLSTATE."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolTimeout

from daemon.database.failures import Effect, effect_of, summary


@pytest.mark.parametrize(
    "name",
    [
        "DeadlockDetected",
        "SerializationFailure",
        "LockNotAvailable",
        "QueryCanceled",
        "AdminShutdown",
        "CrashShutdown",
        "CannotConnectNow",
        "ConnectionFailure",
        "TooManyConnections",
        "IdleInTransactionSessionTimeout",
        "TransactionTimeout",
    ],
)
def test_what_passes_by_itself_is_transient(name: str) -> None:
    assert effect_of(getattr(errors, name)()) is Effect.TRANSIENT


@pytest.mark.parametrize(
    "name",
    [
        "DiskFull",
        "OutOfMemory",
        "InsufficientPrivilege",
        "UndefinedTable",
        "UndefinedColumn",
        "ReadOnlySqlTransaction",
        "InvalidAuthorizationSpecification",
    ],
)
def test_what_needs_a_person_is_the_environment(name: str) -> None:
    assert effect_of(getattr(errors, name)()) is Effect.ENVIRONMENT


@pytest.mark.parametrize(
    "name",
    [
        "UniqueViolation",
        "ForeignKeyViolation",
        "CheckViolation",
        "NotNullViolation",
        "NumericValueOutOfRange",
        "StringDataRightTruncation",
        "RaiseException",
        "InFailedSqlTransaction",
        "IoError",
        "InternalError_",
        "DataCorrupted",
        "ConfigurationLimitExceeded",
    ],
)
def test_what_one_item_may_cause_is_the_datas_fault(name: str) -> None:
    assert effect_of(getattr(errors, name)()) is Effect.DATA


def test_a_lost_connection_has_no_state_and_is_transient() -> None:
    assert effect_of(psycopg.OperationalError("the connection is lost")) is Effect.TRANSIENT
    assert effect_of(PoolTimeout("none came")) is Effect.TRANSIENT


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), psycopg.DataError("a NUL"), MemoryError()])
def test_a_bug_is_the_datas_fault(error: Exception) -> None:
    assert effect_of(error) is Effect.DATA


def test_the_summary_quotes_no_row(db: psycopg.Connection) -> None:
    db.execute("INSERT INTO products (sku) VALUES ('secret')")
    with pytest.raises(errors.UniqueViolation) as caught:
        db.execute("INSERT INTO products (sku) VALUES ('secret')")
    assert "secret" in str(caught.value)
    assert summary(caught.value).startswith("duplicate key value violates unique constraint")
    assert "secret" not in summary(caught.value)


def test_the_summary_is_one_short_line_and_never_empty() -> None:
    assert summary(ValueError("first\nsecond")) == "first"
    assert len(summary(ValueError("x" * 5000))) == 300
    assert summary(KeyError()) == "KeyError"
