"""Whether work can be done, and why not: each trouble until it is over, with the reason that it has now."""

from daemon.engine.readiness import Readiness


def test_the_oldest_trouble_is_told_with_its_newest_reason() -> None:
    readiness = Readiness()
    readiness.lose("database", "worker-1", "connection refused")
    readiness.lose("database", "worker-2", "connection refused")
    readiness.lose("database", "worker-1", "password authentication failed")
    assert readiness.trouble == "database: password authentication failed"
    readiness.regain("database", "worker-1")
    assert readiness.trouble == "database: connection refused"
    readiness.regain("database", "worker-2")
    assert readiness.trouble is None
