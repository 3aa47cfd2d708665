"""When a run with --once is over."""

from daemon.service.rest import Rest


def test_it_is_over_only_when_every_kind_of_work_rests_at_the_same_time() -> None:
    ends: list[str] = []
    rest = Rest(2, lambda: ends.append("now"))
    rest.look("categorization", False)
    rest.look("categorization", True)  # a batch was inserted meanwhile
    rest.look("price-lists", False)
    assert ends == []
    rest.look("categorization", False)
    assert ends == ["now"]
