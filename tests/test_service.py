"""What the service decides by itself."""

from daemon.service import _when_all_rest


def test_once_ends_only_when_every_kind_of_work_rests_at_the_same_time() -> None:
    ends: list[str] = []
    observer = _when_all_rest(2, lambda: ends.append("now"))
    products, lists = observer("categorization"), observer("price-lists")
    products(False)
    products(True)  # a batch was inserted meanwhile
    lists(False)
    assert ends == []
    products(False)
    assert ends == ["now"]
