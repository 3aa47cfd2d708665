"""A small hardware shop, the same at every run."""

import random
from collections.abc import Iterable, Iterator, Sequence

from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.evidence.source import EvidenceSource
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.learning import learn
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.taxonomy import Category, Taxonomy

KINDS = {
    "bolts": ("Hex bolt", "Fastfix", "HB", {"thread": "M{n}", "material": "steel"}),
    "drills": ("Twist drill", "Borer", "TD-", {"diameter": "{n} mm", "shank": "round"}),
    "lamps": ("LED lamp", "Lumina", "LL", {"power": "{n} W", "socket": "E27"}),
    "paints": ("Wall paint", "Colora", "WP/", {"volume": "{n} l", "finish": "matt white"}),
    "saws": ("Hand saw", "Borer", "HS-", {"length": "{n} cm", "teeth": "hardened"}),
}
TAXONOMY = Taxonomy([Category(code, code.title(), f"Hardware > {code.title()}") for code in KINDS])


def make_product(id: int = 1, **fields: object) -> Product:
    """A product without any field but those given."""
    empty = dict.fromkeys(Product.__slots__)
    return Product(**{**empty, "id": id, **fields})  # type: ignore[arg-type]


def features_of(source: EvidenceSource, product: Product) -> list[str]:
    """All that the source sees in the product."""
    return [feature for token in source.tokens(Reading(product)) for feature in source.features(token)]


def learn_model(labelled: Iterable[tuple[Product, str]], sources: Sequence[EvidenceSource] = SOURCES) -> Model:
    return learn(labelled, sources, TAXONOMY).model


def make_labelled(number: int, kinds: tuple[str, ...] = tuple(KINDS), seed: int = 1) -> Iterator[tuple[Product, str]]:
    """Products of the kinds in turn, each with its category."""
    chance = random.Random(seed)
    for id in range(number):
        code = kinds[id % len(kinds)]
        noun, maker, series, attributes = KINDS[code]
        size = str(chance.randint(1, 40))
        yield (
            make_product(
                id,
                sku=f"S{id}",
                name=f"{maker} {noun} {size} {chance.choice(('pro', 'basic', 'set of 10'))}",
                manufacturer=maker,
                part_number=f"{series}{chance.randint(100, 999)}",
                description=f"{noun} for home and trade, size {size}",
                attributes={key: value.format(n=size) for key, value in attributes.items()},
            ),
            code,
        )
