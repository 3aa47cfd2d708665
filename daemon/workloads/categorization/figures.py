"""What is to be seen of categorization from outside: the model in use, and how right predictions proved to be."""

from collections.abc import Iterable, Iterator

from psycopg import Connection

from daemon.engine.workload import Figure
from daemon.workloads.categorization import store
from daemon.workloads.categorization.intervals import wilson
from daemon.workloads.categorization.people.lived import count_lately

IN_USE, ANY = "in_use", "any"  # models whose predictions were decided on
LEVELS = ("high", "medium", "low")


def read_figures(conn: Connection) -> Iterable[Figure]:
    """Two statements. A share that nobody decided on is left out."""
    model = store.read_model_in_use(conn)
    yield Figure("model_version", "The model in use; 0: nothing was learned yet.", model.version if model else 0)
    if model is not None:
        yield Figure("model_learned_timestamp_seconds", "When the model in use was learned.", model.learned_at)
        yield Figure("model_products", "Products that the model in use was learned from.", model.products)
        yield Figure("model_categories", "Categories that the model in use knows.", model.categories)
    counted = {each.level: each for each in count_lately(conn, model.version if model else None)}
    for level in LEVELS:
        each = counted.get(level)
        yield from _precision(IN_USE, level, *((each.decided_in_use, each.correct_in_use) if each else (0, 0)))
        yield from _precision(ANY, level, *((each.decided, each.correct) if each else (0, 0)))


def _precision(model: str, level: str, decided: int, correct: int) -> Iterator[Figure]:
    labels = {"model": model, "level": level}
    yield Figure("lived_decisions", "Predictions that people decided on lately.", decided, labels)
    if decided:
        low, high = wilson(correct, decided)
        yield Figure("lived_precision_ratio", "The share of them that was right.", correct / decided, labels)
        yield Figure("lived_precision_lowest_ratio", "The lower end of its 95 % interval.", low, labels)
        yield Figure("lived_precision_highest_ratio", "The upper end of its 95 % interval.", high, labels)
