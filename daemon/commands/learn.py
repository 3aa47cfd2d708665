"""Learn from the products that have a category and the predictions people approved; store the model as a new version.

Running instances take it up with their next slice.
"""

import argparse

HELP = "learn from the shop's own data"
EXAMPLE = "catalogd learn"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Takes none."""


def act(options: argparse.Namespace) -> int:
    import sys
    from collections.abc import Iterable, Iterator
    from time import monotonic

    from daemon.commands.connection import connected
    from daemon.errors import DaemonError
    from daemon.workloads.categorization import store
    from daemon.workloads.categorization.learning import NothingToLearn, learn
    from daemon.workloads.categorization.product import Product

    products = 0

    def counted(labelled: Iterable[tuple[Product, str]]) -> Iterator[tuple[Product, str]]:
        nonlocal products
        for products, pair in enumerate(labelled, start=1):  # noqa: B007  # the count is the result
            yield pair

    began = monotonic()
    with connected("learn") as conn:
        try:
            model = learn(counted(store.read_labelled(conn)))
        except NothingToLearn as error:
            raise DaemonError(
                "nothing to learn from: no product has a category that catalogd_categories knows,"
                " and no prediction was approved"
            ) from error
        version = store.write_model(conn, model, products, {})
    sys.stdout.write(
        f"learned model {version} from {products:,} products in {len(model.categories)} categories"
        f" in {monotonic() - began:.1f} s\n"
    )
    return 0
