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
    from time import monotonic

    from daemon.commands.connection import connected
    from daemon.errors import DaemonError
    from daemon.workloads.categorization.model.learning import NothingToLearn
    from daemon.workloads.categorization.relearning import learn_from_shop

    began = monotonic()
    with connected("learn") as conn:
        try:
            learned = learn_from_shop(conn)
        except NothingToLearn as error:
            raise DaemonError(
                "nothing to learn from: no product has a category that catalogd_categories knows,"
                " and no prediction was approved"
            ) from error
    sys.stdout.write(
        f"learned model {learned.version} from {learned.products:,} products in {learned.categories} categories"
        f" in {monotonic() - began:.1f} s\n"
    )
    return 0
