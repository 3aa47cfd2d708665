"""What an import says of itself, and what its supplier says for it."""

from daemon.workloads.price_lists.order import Order


def test_what_a_supplier_is_known_by_is_no_option() -> None:
    habits = {"currency": "EUR", "decimal": ",", "phone": "555", "column_mapping": {"name": "A"}}
    order = Order(
        1, "downloading", 1, "Acme", "csv", "a.csv", habits, None, {"decimal": ".", "delimeter": ";"}, *[None] * 4
    )
    assert order.reading_options == {"currency": "EUR", "decimal": ".", "delimeter": ";"}
