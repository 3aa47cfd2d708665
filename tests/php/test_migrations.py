"""Tables that PHP's own migration tools made, by the migrations in docs/php.md: adopted as they are, and worked on."""

import re
from pathlib import Path

import psycopg
import pytest

from daemon.database.schema import MigrationRefused, migrate
from daemon.database.statements import statement
from daemon.stand_in.schema import create_stand_in
from tests.php.documentation import CLASS, blocks
from tests.php.php import needs, needs_php, run_php, source
from tests.php.test_documentation import environment, preamble
from tests.support.database import Database
from tests.support.factories import assert_settled, batch, shop
from tests.support.process import Catalogd

pytestmark = [needs_php, pytest.mark.one_server]

HERE = Path(__file__).parent
PHINX = HERE.parent / "migrations" / "phinx.sql"
LIBRARIES = "/usr/share/php"


def make_shop(db: psycopg.Connection) -> list[int]:
    create_stand_in(db)
    return shop(db, products=4)


def assert_that_work_is_done(database: Database, db: psycopg.Connection, product_ids: list[int]) -> None:
    batch_id = batch(db, [*map(str, product_ids), "x"])
    result = Catalogd(database.dsn)("run", "--once")
    assert result.returncode == 0, result.stdout
    assert_settled(db, batch_id, product_ids, errors=1)


def test_the_migration_for_phinx_makes_the_tables_that_are_adopted(tmp_path: Path) -> None:
    """tests/migrations/test_phinx.py adopts what real Phinx made of it."""
    migration = tmp_path / "migration.php"
    migration.write_text(blocks()["phinx-migration"][1], encoding="utf-8")
    said = run_php(f"<?php require '{HERE}/phinx.php'; require '{migration}'; (new CreateCategorization())->change();")
    made = (
        PHINX.read_text(encoding="utf-8").partition("-- The migration of docs/php.md.\n")[2].partition("INSERT INTO")[0]
    )
    assert said == made


TIMES = """<?php
require 'Catalogd.php';
$batch = (new Catalogd\\Catalogd(new PDO(getenv('SHOP_DSN'))))->progress(1);
$isNow = fn (string $time): bool => abs(time() - strtotime($time)) < 60;
echo json_encode($isNow($batch['created_at']) && $isNow($batch['completed_at']));
"""


@needs("Illuminate/Routing", "php-illuminate-routing")
@needs("Illuminate/Events", "php-illuminate-events")
def test_tables_that_laravel_made(empty_database: Database, tmp_path: Path) -> None:
    migration = tmp_path / "migration.php"
    migration.write_text(blocks()["laravel-migration"][1], encoding="utf-8")
    with empty_database.connect() as db:
        db.execute(f"ALTER DATABASE {empty_database.name} SET timezone TO 'Pacific/Auckland'")
        ids = make_shop(db)
        run_php(
            f"<?php {preamble('laravel')} (require '{migration}')->up();"
            " Illuminate\\Support\\Facades\\DB::table('categorization_batches')->insert(['product_ids' => '[1, 2]']);",
            include_path=LIBRARIES,
            **environment(empty_database, "postgres"),
        )
        migrate(empty_database.session)
        assert_that_work_is_done(empty_database, db, ids)
        assert_settled(db, 1, ids[:2])
        said = run_php(TIMES, source(empty_database, "postgres"), include_path=str(CLASS))
        assert said == "true", "a time without a zone is that of the database, and the class tells it in UTC"


OF_ITS_OWN = """
#[Doctrine\\ORM\\Mapping\\Entity, Doctrine\\ORM\\Mapping\\Table(name: 'predictions')]
class Prediction
{
    #[Doctrine\\ORM\\Mapping\\Id, Doctrine\\ORM\\Mapping\\GeneratedValue, Doctrine\\ORM\\Mapping\\Column]
    public ?int $id = null;
    #[Doctrine\\ORM\\Mapping\\Column(name: 'product_id')]
    public int $product = 1;
    #[Doctrine\\ORM\\Mapping\\Column(name: 'batch_id')]
    public int $batch = 1;
}
"""


@needs("Doctrine/ORM", "php-doctrine-orm")
def test_tables_that_doctrine_numbers_by_a_sequence(empty_database: Database) -> None:
    """The daemon and Doctrine draw from one sequence, once it belongs to the column."""
    script = f"<?php {preamble('doctrine')} {OF_ITS_OWN}"
    with empty_database.connect() as db:
        ids = make_shop(db)
        settings = environment(empty_database, "postgres")
        run_php(
            f"{script} $made = [$em->getClassMetadata('Prediction')];"
            " (new Doctrine\\ORM\\Tools\\SchemaTool($em))->createSchema($made);",
            include_path=LIBRARIES,
            **settings,
        )
        with pytest.raises(
            MigrationRefused, match="table predictions, column id: it does not number its rows by itself"
        ):
            migrate(empty_database.session)
        db.execute(blocks()["doctrine-sequence"][1])
        migrate(empty_database.session)
        batch(db, ids)
        drawn = db.execute(statement("daemon.workloads.categorization", "reserve_ids"), {"count": 2}).fetchall()
        assert drawn == [(1,), (2,)], "as the daemon numbers"
        run_php(f"{script} $em->persist(new Prediction()); $em->flush();", include_path=LIBRARIES, **settings)
        assert db.execute("SELECT id FROM predictions").fetchall() == [(3,)]


@needs("Doctrine/ORM", "php-doctrine-orm")
def test_doctrines_schema_tools_leave_catalogds_tables_alone(database: Database, db: psycopg.Connection) -> None:
    found = re.search(r"schema_filter: (\S+)", blocks()["doctrine-filter"][1])
    assert found is not None
    db.execute("CREATE TABLE categorizations (id int); CREATE TABLE product_images (id int)")
    said = run_php(
        f"<?php {preamble('doctrine')}"
        " $configuration->setSchemaAssetsFilter(static fn ($asset): bool => preg_match("
        f"'{found[1]}', is_string($asset) ? $asset : $asset->getName()) === 1);"
        " $schema = $connection->createSchemaManager()->introspectSchema();"
        " foreach ([...$schema->getTables(), ...$schema->getSequences()] as $thing) echo $thing->getName(), ' ';",
        include_path=LIBRARIES,
        **environment(database, "postgres"),
    )
    shops_own = ["akeneo_workflow", "categories", "categorizations", "product_images", "products", "users"]
    assert sorted(said.split()) == shops_own


@needs("Doctrine/ORM", "php-doctrine-orm")
def test_a_time_with_fractions_is_read_as_datetime_immutable() -> None:
    said = run_php(
        "<?php require 'Doctrine/DBAL/autoload.php'; $platform = new Doctrine\\DBAL\\Platforms\\PostgreSQLPlatform();"
        " $read = fn (string $type) => Doctrine\\DBAL\\Types\\Type::getType($type)->convertToPHPValue("
        "'2026-11-28 09:30:00.125+00', $platform)->format('v');"
        " echo $read('datetime_immutable'); try { $read('datetimetz_immutable'); }"
        " catch (Doctrine\\DBAL\\Types\\ConversionException) { echo ', refused'; }",
        include_path=LIBRARIES,
    )
    assert said == "125, refused"
