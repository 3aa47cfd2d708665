"""Worked examples: what a model of the sample shop says of three products, in the words of `catalogd explain`.

The sample shop is that of `make demo`: it is generated, so that anybody has the same products and no shop's are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from daemon.demo.catalogue import SampleCatalogue, SampleProduct, sample_catalogue
from daemon.workloads.categorization.decision import Decision, decide
from daemon.workloads.categorization.explanation import explain
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.store import Explained
from daemon.workloads.categorization.taxonomy import Category, Taxonomy

SAMPLE = 6_000  # products; most of them have a category
BATCH, VERSION = 1, 1  # of the first batch and the first model of a shop

Example = dict[str, object]
Wanted = Callable[[Product, Decision, bool], bool]  # whether the decision is right comes last


def make_examples(products: int = SAMPLE) -> dict[str, Example]:
    """By kind: one that is sure, one torn between two categories, one of a trade that the shop has nothing to do with.

    A kind that no product is of is missing. Of several the first is taken, so the examples are always the same.
    """
    shop = sample_catalogue(products)
    taxonomy = Taxonomy(Category(*category) for category in shop.categories)
    model = learn(_confirmed(shop), taxonomy=taxonomy).model
    rows = [(number, each) for number, each in enumerate(shop.products, 1) if each.category_code is None]
    waiting = [*(_as_product(*row) for row in rows), STRANGER]
    *decisions, of_stranger = decide(model, taxonomy, waiting)
    rights = [decision.category_code == each.true_category for (_, each), decision in zip(rows, decisions, strict=True)]
    found = {}
    for kind, is_wanted in KINDS.items():
        for product, decision, is_right in zip(waiting, decisions, rights, strict=False):
            if is_wanted(product, decision, is_right):
                found[kind] = _tell(product, decision, taxonomy, len(found) + 1)
                break
    found["strange"] = _tell(STRANGER, of_stranger, taxonomy, len(found) + 1)
    return found


def _is_sure(product: Product, decision: Decision, is_right: bool) -> bool:
    """All fields speak, and the name says what it is."""
    said = {reason.source_type for reason in decision.evidence}
    is_named = decision.category_label.split()[0].rstrip("s").lower() in (product.name or "").lower()
    is_all_said = {"part_number", "name", "attributes", "description"} <= said
    return is_right and is_named and is_all_said and decision.level == "high"


def _is_torn(product: Product, decision: Decision, is_right: bool) -> bool:
    """The branch is sure and the category is not."""
    said = {reason.source_type for reason in decision.evidence}
    return decision.level == "medium" and {"runner_up", "branch"} <= said and bool(decision.alternatives)


KINDS: dict[str, Wanted] = {"sure": _is_sure, "torn": _is_torn}
STRANGER = Product(
    id=99_999,
    sku=None,
    name="Concert guitar, cedar top, six nylon strings",
    manufacturer="Hermanos Quintana",
    part_number="HQ-C7",
    description="A warm and even sound for the first years of lessons.",
    attributes={"Scale length": "650 mm", "Top": "cedar"},
    category_code=None,
)


def _confirmed(shop: SampleCatalogue) -> Iterator[tuple[Product, str]]:
    for number, each in enumerate(shop.products, 1):
        if each.category_code is not None:
            yield _as_product(number, each), each.category_code


def _as_product(number: int, each: SampleProduct) -> Product:
    texts = (each.sku, each.name, each.manufacturer, each.part_number, each.description)
    return Product(number, *texts, each.attributes, each.category_code)


def _tell(product: Product, decision: Decision, taxonomy: Taxonomy, id: int) -> Example:
    others = [
        {"code": code, "label": taxonomy.label_of(code), "probability": probability}
        for code, probability in decision.alternatives
    ]
    stored = Explained(
        id=id,
        product_id=product.id,
        batch_id=BATCH,
        suggested_category_code=decision.category_code,
        suggested_category_label=decision.category_label,
        confidence=decision.confidence,
        confidence_level=decision.level,
        status="pending",
        model_version=VERSION,
        alternatives=others,
        product_name=product.name,
    )
    return {"product": _describe(product), "id": id, "explained": explain(stored, decision.evidence)}


def _describe(product: Product) -> Sequence[Sequence[str]]:
    """The fields that the shop knows, with their values."""
    attributes = product.attributes if isinstance(product.attributes, dict) else {}
    fields = {
        "name": product.name,
        "manufacturer": product.manufacturer,
        "part number": product.part_number,
        "description": product.description,
        "attributes": ", ".join(f"{name}: {value}" for name, value in attributes.items()),
    }
    return [[name, value] for name, value in fields.items() if value]
