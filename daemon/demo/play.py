"""The demo from beginning to end: a private server, a sample shop, a real daemon at work, a report."""

from collections.abc import Mapping, Sequence
from functools import partial

import psycopg
from psycopg import Connection

from daemon.database.embedded import EmbeddedServer, embedded_binaries
from daemon.database.failures import summary
from daemon.database.pool import Session
from daemon.database.schema import MigrationRefused, migrate
from daemon.demo.catalogue import SampleCatalogue, SampleProduct, sample_catalogue
from daemon.demo.following import follow
from daemon.demo.import_report import tell_imports
from daemon.demo.imports import can_import, import_lists
from daemon.demo.interrupts import Interrupts
from daemon.demo.orders import (
    add_user,
    choose_examples,
    choose_products,
    insert_batch,
    judge,
    read_ended,
    read_item_errors,
    read_progress,
)
from daemon.demo.running import DaemonFailed, RunningDaemon
from daemon.demo.sample_file import rows_of
from daemon.demo.screen import Report, Screen
from daemon.stand_in.importing import import_rows
from daemon.stand_in.schema import create_stand_in
from daemon.workloads.categorization.model.learning import NothingToLearn
from daemon.workloads.categorization.versions.lesson import learn_from_shop

SMALL_BATCHES = 5
SMALL_SIZE = 10
STRANGERS = 200  # products that the shop has not

FAILURES = (DaemonFailed, MigrationRefused, NothingToLearn, TimeoutError, psycopg.Error)


class DemoFailed(Exception):
    """A step failed; the message is a sentence, and the end of the daemon's log where there is one."""


def play(products: int, screen: Screen, interrupts: Interrupts) -> None:
    """Run the demo and show its report. Everything that was started has ended when this returns or raises.

    Raises DemoFailed, and EmbeddedServerError when the server is not installed or does not start.
    """
    binaries = embedded_binaries()
    server = EmbeddedServer(binaries)
    try:
        with screen.step("server", "starting a private PostgreSQL") as step, interrupts.held():
            server.start()  # interrupted half-way, initdb would leave a process and its files
            step.done = f"a private PostgreSQL {binaries.major} is running"
        session = Session(server.dsn(), "catalogd demo")
        with session.connect() as conn, RunningDaemon(server.dsn(), server.directory) as running:
            try:
                catalogue, others = _open_shop(conn, session, products, screen)
                with screen.step("daemon", "starting the daemon") as step:
                    running.start()
                    step.done = f"a daemon is running: catalogd run, process {running.pid}"
                _order(conn, running, screen)
                imports = import_lists(conn, running, catalogue.products, others, screen) if can_import() else None
                report = _read_report(conn, {product.sku: product.true_category for product in catalogue.products})
                with screen.step("stop", "stopping the daemon and the server") as step:
                    running.stop()
                    server.stop()
                    step.done = "the daemon stopped with exit code 0; the server is gone"
            except FAILURES as error:
                raise DemoFailed(_sentence(error, running)) from error
    finally:
        server.stop()
    screen.report(report)
    tell_imports(imports, screen)
    screen.close(report)


def _open_shop(
    conn: Connection, session: Session, products: int, screen: Screen
) -> tuple[SampleCatalogue, Sequence[SampleProduct]]:
    """Make the shop's tables and ours, fill them, learn; returns its catalogue, and products that it has not."""
    with screen.step("migrate", "creating the tables") as step:
        create_stand_in(conn)
        step.done = f"the tables are there: a shop's and, by {len(migrate(session))} migrations, catalogd's"
    with screen.step("load", "loading a sample catalogue") as step:
        world = sample_catalogue(products + STRANGERS)
        catalogue = SampleCatalogue(world.categories, world.products[:products])
        imported = import_rows(conn, rows_of(catalogue))
        step.done = (
            f"{imported.products:,} products in {imported.categories} categories loaded,"
            f" {imported.held_out:,} of them without theirs"
        )
    with screen.step("learn", "learning") as step:
        learned = learn_from_shop(conn)
        step.done = f"learned from the {learned.products:,} products that have a category"
    return catalogue, world.products[products:]


def _order(conn: Connection, running: RunningDaemon, screen: Screen) -> None:
    """Insert a big batch with, behind it, small ones, the last of these with a bad id; wait for the end of all."""
    user_id = add_user(conn)
    chosen = choose_products(conn, SMALL_BATCHES * SMALL_SIZE)
    small = [list(chosen.known[start::SMALL_BATCHES]) for start in range(SMALL_BATCHES)]
    small[-1].append(chosen.no_product)
    big_id = insert_batch(conn, chosen.held_out, user_id)
    batch_ids = [insert_batch(conn, product_ids, user_id) for product_ids in small]
    screen.say()
    screen.say(
        f"  INSERT INTO categorization_batches: one of {len(chosen.held_out):,} products, {len(small)} small ones"
    )
    with screen.progress("predict", f"batch {big_id}", len(chosen.held_out)) as bar:
        follow(f"batch {big_id}", partial(read_progress, conn, big_id), running, bar)
        for batch_id in batch_ids:
            follow(f"batch {batch_id}", partial(read_progress, conn, batch_id), running)
    screen.say()


def _read_report(conn: Connection, truth: Mapping[str, str]) -> Report:
    batches = read_ended(conn)
    big_id = batches[0].id
    return Report(
        batches=batches,
        judged=judge(conn, big_id, truth),
        examples=choose_examples(conn, big_id, truth),
        item_errors=read_item_errors(conn),
    )


def _sentence(error: Exception, running: RunningDaemon) -> str:
    tail = running.log_tail()
    return summary(error) + (f"; the end of the daemon's log:\n{tail}" if tail else "")
