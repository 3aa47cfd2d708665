"""Instances as their sessions' names tell of them."""

from daemon.batches.fleet import Hold, Session, group_sessions
from daemon.terminal.fleet import HIDDEN, NOBODY, describe_fleet


def sessions(*names: str, up_s: float | None = None) -> list[Session]:
    return [Session(name, up_s) for name in names]


def test_the_sessions_of_an_instance_are_one() -> None:
    found = group_sessions(
        sessions(
            "catalogd web1:471:ab12cd:0.1.0 listener",
            "catalogd web1:471:ab12cd:0.1.0",
            "catalogd web1:471:ab12cd:0.1.0",
            "catalogd web2:9:ff:0.2.0",
            up_s=60,
        )
    )
    assert [(each.host, each.pid, each.version, each.sessions, each.listens, each.up_s) for each in found] == [
        ("web1", 471, "0.1.0", 3, True, 60),
        ("web2", 9, "0.2.0", 1, False, 60),
    ]


def test_what_is_no_instance_is_none() -> None:
    assert group_sessions(sessions("catalogd test", "catalogd somebody listener")) == []


def test_an_instance_of_an_earlier_version_tells_none() -> None:
    (found,) = group_sessions(sessions("catalogd web1:471:ab12cd"))
    assert (found.host, found.pid, found.version) == ("web1", 471, None)


def test_in_words() -> None:
    instances = group_sessions(
        sessions("catalogd a:1:x:0.1.0", "catalogd a:1:x:0.1.0 listener", "catalogd b:2:y:0.1.0")
    )
    holds = [
        Hold("a:1:x:0.1.0", "categorization", 7, 2, 1_000),
        Hold("a:1:x:0.1.0", "price-lists", 3, 0, 0),
        Hold("c:3:z:0.1.0", "categorization", 8, 1, 1),
    ]
    assert describe_fleet(instances, holds) == [
        "at work: a, pid 1, catalogd 0.1.0: 2 slices (1,000 items) of batch 7; prepares batch 3 of price-lists",
        "at work: b, pid 2, catalogd 0.1.0, hears no bell and polls: at rest",
        "left by c:3:z:0.1.0, which is gone: 1 slice (1 item) of batch 8; another takes it over",
    ]
    assert describe_fleet([], holds[2:]) == [
        NOBODY,
        "left by c:3:z:0.1.0, which is gone: 1 slice (1 item) of batch 8; the next that starts takes it over",
    ]
    assert describe_fleet(None, holds[:1]) == [HIDDEN, "in hand of a:1:x:0.1.0: 2 slices (1,000 items) of batch 7"]


def test_hostile_names_move_no_cursor() -> None:
    instances = group_sessions(sessions("catalogd a\x1b[2J\u202e:1:x:\x9b31m"))
    holds = [Hold("\x1b]0;title\x07", "categorization", 1, 1, 1)]
    assert all(line.isprintable() for line in describe_fleet(instances, holds))
