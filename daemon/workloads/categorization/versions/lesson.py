"""Learns from the shop's own products, stores what was learned, and puts it into use unless it is worse."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from psycopg import Connection

from daemon import __version__
from daemon.workloads.categorization import store as shop
from daemon.workloads.categorization.decision import THRESHOLD, decide
from daemon.workloads.categorization.drift.band import Shares
from daemon.workloads.categorization.evidence.registry import SOURCES
from daemon.workloads.categorization.experiments.metrics import (
    calibration_error,
    coverage_and_precision,
    macro_f1,
    reliability,
    top_one,
)
from daemon.workloads.categorization.model.learning import Judged, learn
from daemon.workloads.categorization.model.storage import FORMAT, to_bytes
from daemon.workloads.categorization.product import Product
from daemon.workloads.categorization.versions import store
from daemon.workloads.categorization.versions.promotion import Case, Said, Weighing, weigh
from daemon.workloads.categorization.versions.reading import labelled_products

MOST_RECENT = 5000  # products that the current model is asked about; the newest by their ids
AT_ONCE = 500  # products decided together
RECENT_ALLOWANCE = 0.005  # many of those decisions began as the current model's own suggestion: it had the first word
BY_HAND = store.Actor("operator", "")


class Wish(StrEnum):
    """What is to become of what is learned."""

    UNLESS_WORSE = "unless worse"
    PROMOTE = "promote"
    KEEP_BACK = "keep back"


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a version was put into use, in the place of which, why, and the numbers."""

    promoted: bool
    why: str
    against: int | None = None
    held_out: Weighing | None = None
    recent: Weighing | None = None

    def as_json(self) -> dict[str, object]:
        weighings = {"held_out": self.held_out, "recent": self.recent}
        return {
            "promoted": self.promoted,
            "why": self.why,
            "against": self.against,
            **{name: weighing.as_json() if weighing else None for name, weighing in weighings.items()},
        }


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that was stored: its version, how much it was learned from, and what became of it."""

    version: int
    products: int
    categories: int
    promotion: Promotion
    report: Mapping[str, object] = field(repr=False)


@dataclass(slots=True)
class _Read:
    """What has gone by."""

    products: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


def learn_from_shop(
    conn: Connection,
    threshold: float = THRESHOLD,
    wish: Wish = Wish.UNLESS_WORSE,
    actor: store.Actor = BY_HAND,
    on_read: Callable[[], object] = lambda: None,
    silent: frozenset[str] = frozenset(),
) -> Learned:
    """Store a new model, learned from what people have decided. Raises NothingToLearn when that is nothing.

    It is put into use as `wish` says; the first is, unless it is to be kept back. `on_read` is called when all is read,
    before what takes long. The sources of evidence named in `silent` are not heard.
    """
    labels, read = store.read_labels(conn), _Read()
    sources = [source for source in SOURCES if source.name not in silent]
    with labelled_products(conn) as labelled:
        on_read()
        lesson = learn(_watched(labelled, read), sources, shop.read_taxonomy(conn))
    content, categories = to_bytes(lesson.model), len(lesson.model.categories)
    judgements = {each.product_id: Said(each.category_code, each.confidence) for each in lesson.judged}
    report = judge(lesson.judged, threshold)
    while True:
        current = shop.read_model_version(conn)
        promotion = weigh_against(conn, lesson.judged, labels, current, threshold, wish, silent)
        with store.exclusively(conn):
            if shop.read_model_version(conn) != current:
                continue  # another lesson, or a person, was quicker: it must stand up to that one
            new = store.NewVersion(
                content,
                read.products,
                categories,
                read.digest.hexdigest(),
                {"sources": [source.name for source in sources], "threshold": threshold, "format": FORMAT},
                __version__,
                labels,
                judgements,
                {**report, "promotion": promotion.as_json()},
            )
            version = store.write_version(conn, new, promotes=promotion.promoted)
            action = "promoted" if promotion.promoted else "kept_back"
            store.audit(conn, version, action, actor, {"against": current, "why": promotion.why})
            store.forget_old(conn)
        return Learned(version, read.products, categories, promotion, new.report)


def _watched(labelled: Iterable[tuple[Product, str]], read: _Read) -> Iterator[tuple[Product, str]]:
    """Counts and digests what goes by: the same products and labels in the same order have the same fingerprint."""
    for product, code in labelled:
        read.products += 1
        read.digest.update(repr((product, code)).encode(errors="backslashreplace"))
        yield product, code


def judge(judged: Sequence[Judged], threshold: float) -> dict[str, object]:
    """The figures of the products held out, and what is usual among them."""
    right = [each.category_code == each.truth for each in judged]
    confidences = [each.confidence for each in judged]
    coverage, precision = coverage_and_precision(confidences, right, threshold)
    figures = {
        "products": len(judged),
        "top1": top_one(right),
        "macro_f1": macro_f1([each.truth for each in judged], [each.category_code for each in judged]),
        "threshold": threshold,
        "coverage": coverage,
        "precision": precision,
        "calibration_error": calibration_error(reliability(confidences, right)),
    }
    return {"judged": figures, **({"usual": usual.as_report()} if (usual := Shares.of_judged(judged)) else {})}


def weigh_against(
    conn: Connection,
    judged: Sequence[Judged],
    labels: store.Labels,
    current: int | None,
    threshold: float,
    wish: Wish,
    silent: frozenset[str] = frozenset(),
) -> Promotion:
    """Compare with the version in use: on the products held out from both, and on those decided since it was learned,
    as far as they were held out from the new one."""
    if wish is Wish.KEEP_BACK:
        return Promotion(promoted=False, why="it was to be kept back", against=current)
    if current is None:
        return Promotion(promoted=True, why="it is the first")
    known = store.read_judgements(conn, current)
    held_out = weigh([_case(each, known[each.product_id]) for each in judged if each.product_id in known], threshold)
    recent, obstacle = None, "nothing that the current model judged is left to compare with" if not held_out else None
    if known:  # without, nobody knows which products it has not learned from
        try:
            unseen = [each for each in judged if each.product_id not in known]
            recent = weigh(_ask(conn, current, unseen, labels, threshold, silent), threshold, RECENT_ALLOWANCE)
        except ValueError:
            obstacle = f"this version of catalogd cannot use model {current}"
    objections = [line for weighing in (held_out, recent) if weighing for line in weighing.objections]
    if wish is Wish.PROMOTE:
        why, promoted = "it was to be promoted, whatever the comparison says", True
    elif obstacle:
        why, promoted = obstacle, True
    else:
        why, promoted = "; ".join(dict.fromkeys(objections)) or "it is not worse", not objections
    return Promotion(promoted, why, current, held_out, recent)


def _ask(
    conn: Connection,
    version: int,
    unseen: Sequence[Judged],
    labels: store.Labels,
    threshold: float,
    silent: frozenset[str],
) -> list[Case]:
    """What the version itself says of those of the products that were labelled since it was learned. Raises ValueError
    when it cannot be read.

    That it has not judged a product does not yet mean that it has not learned from it: which products are held out
    also depends on how many there are, and on the categories.
    """
    model, taxonomy = shop.read_model(conn, version), shop.read_taxonomy(conn)
    changed = store.read_changed(conn, version, labels, [each.product_id for each in unseen])
    recent = sorted(each for each in unseen if each.product_id in changed)[-MOST_RECENT:]
    cases = []
    for start in range(0, len(recent), AT_ONCE):
        some = recent[start : start + AT_ONCE]
        products = shop.read_products(conn, [each.product_id for each in some])
        asked = [each for each in some if each.product_id in products]
        decisions = decide(model, taxonomy, [products[each.product_id] for each in asked], threshold, silent=silent)
        cases += [
            _case(each, Said(decision.category_code, decision.confidence))
            for each, decision in zip(asked, decisions, strict=True)
        ]
    return cases


def _case(judged: Judged, current: Said) -> Case:
    return Case(judged.truth, current, Said(judged.category_code, judged.confidence))
