"""Learns from the shop's own products, and stores what was learned."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from psycopg import Connection

from daemon.workloads.categorization import store
from daemon.workloads.categorization.drift.band import Shares
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.product import Product


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that was stored: its version, and how much it was learned from."""

    version: int
    products: int
    categories: int


def learn_from_shop(conn: Connection) -> Learned:
    """Store a new model, learned from what people have decided. Raises NothingToLearn when that is nothing."""
    products = 0

    def counted(labelled: Iterable[tuple[Product, str]]) -> Generator[tuple[Product, str]]:
        nonlocal products
        for products, pair in enumerate(labelled, start=1):  # noqa: B007  # the count is the result
            yield pair

    with closing(counted(store.read_labelled(conn))) as labelled:  # or an interruption leaves the transaction open
        lesson = learn(labelled, taxonomy=store.read_taxonomy(conn))
    model, usual = lesson.model, Shares.of_judged(lesson.judged)
    version = store.write_model(conn, model, products, {"usual": dict(usual.as_report())} if usual else {})
    return Learned(version, products, len(model.categories))
