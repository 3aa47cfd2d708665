"""Learn from the products that have a category and the predictions people approved; store the model as a new version.

Running instances use it from their next slice on, unless it is worse than the one in use: then it is kept back, and
catalogd models shows by how much. The daemon does the same by itself when enough has changed (CATALOGD_LEARN).
"""

import argparse

HELP = "learn from the shop's own data"
EXAMPLE = "catalogd learn"
ROLE = "catalogd_runtime"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    wish = parser.add_mutually_exclusive_group()
    wish.add_argument("--force-promote", action="store_true", help="put it into use even if it is worse")
    wish.add_argument("--no-promote", action="store_true", help="keep it back even if it is better")
    parser.add_argument("--json", action="store_true", help="a JSON object with all figures")
    parser.add_argument("--child-of", type=int, help=argparse.SUPPRESS)  # the daemon's own way to learn


def act(options: argparse.Namespace) -> int:
    from daemon.background import become_background, go_last

    if options.child_of is not None:
        become_background(options.child_of)

    import json
    import sys
    from time import monotonic

    import structlog

    from daemon.commands.connection import connected
    from daemon.errors import DaemonError
    from daemon.logs import configure_logs
    from daemon.sessions import name_instance
    from daemon.settings import read_settings
    from daemon.workloads.categorization.model.learning import NothingToLearn
    from daemon.workloads.categorization.versions.lesson import Wish, learn_from_shop
    from daemon.workloads.categorization.versions.store import Actor
    from daemon.workloads.categorization.workload import check_silent

    began = monotonic()
    settings = read_settings()
    configure_logs(settings.log_level, settings.log_format)
    check_silent(settings.silent)
    wish = Wish.PROMOTE if options.force_promote else Wish.KEEP_BACK if options.no_promote else Wish.UNLESS_WORSE
    is_child = options.child_of is not None
    actor = Actor("daemon" if is_child else "operator", name_instance())
    with connected("learn") as conn:
        try:
            on_read = go_last if is_child else lambda: None
            learned = learn_from_shop(conn, settings.threshold, wish, actor, on_read, settings.silent)
        except NothingToLearn as error:
            raise DaemonError(
                "nothing to learn from: no product has a category that catalogd_categories knows,"
                " and no prediction was approved"
            ) from error
    took_s, promotion = monotonic() - began, learned.promotion
    if is_child:
        log = structlog.get_logger().bind(version=learned.version, against=promotion.against, why=promotion.why)
        structlog.get_logger().info(
            "model.learned",
            version=learned.version,
            products=learned.products,
            categories=learned.categories,
            duration_ms=round(took_s * 1000, 1),
        )
        log.info("model.promoted") if promotion.promoted else log.warning("model.kept_back")
    elif options.json:
        found = {"version": learned.version, "products": learned.products, "categories": learned.categories}
        sys.stdout.write(json.dumps({**found, "duration_s": round(took_s, 2), **learned.report}) + "\n")
    else:
        sys.stdout.write(
            f"learned model {learned.version} from {learned.products:,} products in {learned.categories} categories"
            f" in {took_s:.1f} s\n"
        )
        if promotion.promoted:
            sys.stdout.write(f"it is in use: {promotion.why}\n")
        else:
            sys.stdout.write(
                f"it is kept back: {promotion.why}\nto use it all the same: catalogd models promote {learned.version}\n"
            )
    return 0
