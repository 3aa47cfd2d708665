"""Names that others have put where ours are looked up: schemas, operators, functions, temporary tables."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd
from tests.support.roles import PHP, RUNTIME, SHOP, Shop, shop_with_roles
from tests.support.server import PrivateServer

pytestmark = pytest.mark.one_server  # its subject is the client

OURS = ["categorization_batches", "predictions", "evidence", "audit_log", "categorization_errors", "batch_slices"]
OURS += ["human_recommendations", "human_decisions"]
ORDERED = list(range(41, 46))


@pytest.fixture
def place(server: PrivateServer) -> Iterator[Shop]:
    with shop_with_roles(server) as shop:
        yield shop


def lay_traps(conn: psycopg.Connection) -> None:
    """In the schema `trap`: what is found before pg_catalog, or fits better. What is called leaves a row behind."""
    conn.execute("CREATE TABLE trap.sprung (caller text DEFAULT current_user)")
    conn.execute("GRANT INSERT ON trap.sprung TO PUBLIC")
    conn.execute("GRANT USAGE ON SCHEMA trap TO PUBLIC")
    note = "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trap.sprung DEFAULT VALUES; RETURN NULL; END $$"
    for left, right in itertools.product(["text", "varchar"], repeat=2):
        conn.execute(f"CREATE FUNCTION trap.equals({left}, {right}) RETURNS boolean {note}")
        conn.execute(f"CREATE OPERATOR trap.= (FUNCTION = trap.equals, LEFTARG = {left}, RIGHTARG = {right})")
    for function in ["now() RETURNS timestamptz", "current_setting(text, boolean) RETURNS text"]:
        conn.execute(f"CREATE FUNCTION trap.{function} {note}")


def test_a_callers_search_path_does_not_reach_the_trigger(place: Shop) -> None:
    with place.database.connect() as superuser, place.connect(PHP) as php:
        superuser.execute(f"CREATE SCHEMA trap AUTHORIZATION {PHP}")
        lay_traps(php)
        batch_id = batch(php, [])
        for table in OURS:
            php.execute(f"CREATE TEMP TABLE {table} ()")
        php.execute("SET search_path = pg_temp, trap, pg_catalog, public")
        php.execute("SELECT 'a'::varchar = 'b'::varchar, now()")
        assert php.execute("DELETE FROM trap.sprung RETURNING caller").fetchall() == [(PHP,)] * 2, "the traps work"
        php.execute("UPDATE public.categorization_batches SET status = 'cancelled' WHERE id = %s", (batch_id,))
        php.execute("UPDATE public.categorization_batches SET status = 'pending' WHERE id = %s", (batch_id,))
        assert php.execute("SELECT caller FROM trap.sprung").fetchall() == []
        entries = superuser.execute(
            "SELECT action, actor_type, metadata ->> 'role' FROM audit_log WHERE entity_id = %s ORDER BY id",
            (batch_id,),
        ).fetchall()
        assert entries == [("cancelled", "user", PHP), ("retried", "user", PHP)]


def test_nor_the_triggers_that_write_decisions_down(place: Shop) -> None:
    with place.database.connect() as superuser, place.connect(PHP) as php:
        batch_id = batch(php, ORDERED)
        place.run(RUNTIME, "run", "--once")
        superuser.execute(f"CREATE SCHEMA trap AUTHORIZATION {PHP}")
        lay_traps(php)
        for table in OURS:
            php.execute(f"CREATE TEMP TABLE {table} ()")
        php.execute("SET search_path = pg_temp, trap, pg_catalog, public")
        statements = [
            ("UPDATE public.predictions SET status = 'approved' WHERE batch_id = %s", batch_id),
            ("UPDATE public.predictions SET status = 'pending' WHERE batch_id = %s", batch_id),
            (
                "INSERT INTO public.human_recommendations (prediction_id, category_code)"
                " SELECT id, 'pipes' FROM public.predictions WHERE batch_id = %s",
                batch_id,
            ),
        ]
        for statement, parameter in statements:
            php.execute(statement, (parameter,))
        assert php.execute("SELECT caller FROM trap.sprung").fetchall() == []
        verdicts = superuser.execute("SELECT verdict, count(*) FROM human_decisions GROUP BY verdict").fetchall()
        assert verdicts == [("recommended", len(ORDERED))]
        actions = superuser.execute(
            "SELECT action, count(*) FROM audit_log WHERE entity_type = 'prediction' GROUP BY action ORDER BY action"
        ).fetchall()
        assert actions == [(action, len(ORDERED)) for action in ("approved", "recommended", "withdrawn")]


def test_a_schema_named_like_the_role_is_not_looked_into(place: Shop) -> None:
    with place.database.connect() as superuser, place.connect(PHP) as php:
        superuser.execute(f"CREATE SCHEMA {RUNTIME} AUTHORIZATION {PHP}")
        for table in OURS:
            php.execute(f"CREATE TABLE {RUNTIME}.{table} ()")
            php.execute(f"GRANT ALL ON {RUNTIME}.{table} TO PUBLIC")
        php.execute(f"GRANT USAGE ON SCHEMA {RUNTIME} TO PUBLIC")
        batch_id = batch(php, ORDERED)
        place.run(RUNTIME, "run", "--once")
        assert_settled(superuser, batch_id, ORDERED)


def test_temporary_tables_made_in_the_daemons_session_are_found_last(place: Shop) -> None:
    """A trigger of the shop's runs in the daemon's session; without a search path of the role's, only the session's
    own keeps it from the tables' names."""
    makes = "; ".join(f"CREATE TEMP TABLE IF NOT EXISTS {table} ()" for table in OURS)
    with place.database.connect() as superuser, place.connect(SHOP) as shop, place.connect(PHP) as php:
        superuser.execute(f'ALTER ROLE {RUNTIME} IN DATABASE "{place.database.name}" RESET search_path')
        shop.execute(
            "CREATE FUNCTION make_tables() RETURNS trigger LANGUAGE plpgsql SET client_min_messages = error AS"
            f" $$ BEGIN {makes}; RETURN NEW; END $$"
        )
        shop.execute("CREATE TRIGGER make BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION make_tables()")
        batch_ids = [batch(php, ORDERED) for _ in range(3)]
        place.run(RUNTIME, "run", "--once", "--workers", "1")
        for batch_id in batch_ids:
            assert_settled(superuser, batch_id, ORDERED)


def test_a_schema_whose_name_needs_quotes(empty_database: Database) -> None:
    """Beside one that is called alike without them, with tables of the same names."""
    catalogd = Catalogd(empty_database.dsn)
    with empty_database.connect() as db:
        for schema in ('"Shop"', "shop"):
            db.execute(f"CREATE SCHEMA {schema}")
            db.execute(f"ALTER DATABASE {empty_database.name} SET search_path = {schema}")
            assert catalogd("migrate", "--with-stand-in").returncode == 0
        db.execute(f'ALTER DATABASE {empty_database.name} SET search_path = "Shop"')
        db.execute(f"ALTER DATABASE {empty_database.name} SET quote_all_identifiers = on")
    with empty_database.connect() as db:
        product_ids = shop(db, products=2)
        batch_id = batch(db, product_ids)
        for arguments in (["run", "--once"], ["partition"], ["run", "--once"]):
            result = catalogd(*arguments)
            assert result.returncode == 0, result.stdout + result.stderr
        assert_settled(db, batch_id, product_ids)
