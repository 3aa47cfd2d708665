"""Puts into words why a line may or may not offer a product."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.price_lists.matching.candidates import Pairs
from daemon.workloads.price_lists.matching.catalogue import Catalogue, Reading
from daemon.workloads.price_lists.matching.facts import COLOUR, CONDITION, FIRST_DIMENSION, NUMBER, SIZE, Fact, groups
from daemon.workloads.price_lists.matching.features import COLUMN, NAMES
from daemon.workloads.price_lists.matching.match import Reason
from daemon.workloads.price_lists.matching.quantities import units
from daemon.workloads.price_lists.matching.text import fold

SHOWN = 3  # words or values in one text
_WORD = re.compile(r"[^\W\d_]{3,}")
_NAME = ("line_covered", "product_covered", "words_shared", "letters_alike", "letters_same")
_PRICE = ("price_near", "price_far", "price_very_far")


class Explainer:
    """Gives the reasons of single pairs of a slice."""

    def __init__(
        self,
        reading: Reading,
        catalogue: Catalogue,
        pairs: Pairs,
        values: NDArray[np.float64],
        weights: NDArray[np.float64],
        usual_ratio: float,
    ) -> None:
        self._ours, self._theirs = reading.columns, catalogue.columns
        self._reading, self._catalogue, self._pairs = reading, catalogue, pairs
        self._values, self._parts = values, values * weights
        self._usual_ratio = usual_ratio

    def explain(self, pair: int, vetoes: Sequence[str]) -> tuple[Reason, ...]:
        """The strongest first; those that forbid a link before all."""
        row, product = int(self._pairs.lines[pair]), int(self._pairs.products[pair])
        line_facts = self._reading.texts[row]
        ours, ours_said = {**line_facts.said, **line_facts.known}, set(line_facts.said)
        theirs = set(self._catalogue.facts_of(product))
        reasons: list[Reason] = []

        def add(kind: str, text: str, *features: str) -> None:
            parts = [self._parts[pair, COLUMN[name]] for name in features or (kind,)]
            reasons.append(Reason(kind, text, round(float(sum(parts)), 2)))

        def has(name: str) -> bool:
            return bool(self._values[pair, COLUMN[name]])

        for kind, text in self._identify(row, product).items():
            if has(kind):
                add(kind, text)
        percent = round(100 * float(self._values[pair, COLUMN["letters_alike"]]))
        add("name", f"the names agree to {percent} %", *_NAME)
        names = self._ours.names[row], self._theirs.names[product]
        for kind, side, one, other in (("line_only", "list", *names), ("product_only", "catalogue", *names[::-1])):
            if has(kind) and (words := _only(one, other)):
                add(kind, f"only the {side} says: {words}")
        for kind, name, is_of in _KINDS:
            same = [fact for fact in ours if is_of(fact) and fact in theirs]
            mine = [fact for fact in ours_said if is_of(fact) and fact not in theirs]
            yours = [fact for fact in theirs if is_of(fact) and fact not in ours]
            if has(f"{kind}_same"):
                add(f"{kind}_same", f"{name} is the same: {_list(same, ours)}")
            if has(f"{kind}_other"):
                rivals = [fact for fact in yours if fact.group in {fact.group for fact in mine}]
                mine = [fact for fact in mine if fact.group in {fact.group for fact in rivals}]
                add(f"{kind}_other", f"other {name}: {_list(mine, ours)}, not {_list(rivals, ours)}")
        if has("pack_one_sided"):
            pack = [fact for fact in (*ours, *theirs) if fact.group == _PACK]
            add("pack_one_sided", f"only one of them is told to be a pack: {_list(pack)}")
        if has("condition_other"):
            condition = [fact for fact in (*ours_said, *theirs) if fact.group == CONDITION]
            add("condition_other", f"only one of them is called {_list(condition)}")
        numbers = [[fact for fact in side if fact.group == NUMBER] for side in (ours_said, theirs)]
        if has("numbers_other"):
            mine = [fact for fact in numbers[0] if fact not in theirs]
            yours = [fact for fact in numbers[1] if fact not in ours]
            add("numbers_other", f"other numbers: {_list(mine)}, not {_list(yours)}")
        if has("numbers_shared"):
            add("numbers_shared", f"the same numbers: {_list([fact for fact in numbers[0] if fact in theirs])}")
        if text := self._tell_price(row, product):
            add("price", text, *_PRICE)
        if "runner_up" in vetoes:
            add("runner_up", "another product is as good, or nearly", "lead")
        elif self._values[pair, COLUMN["lead"]]:
            is_likely = self._values[pair, COLUMN["lead"]] > 0
            add("lead", "no other product is as good" if is_likely else "no product is much like it")
        return tuple(sorted(reasons, key=lambda reason: (reason.kind not in vetoes, -abs(reason.weight), reason.kind)))

    def _identify(self, row: int, product: int) -> dict[str, str]:
        """What to say of barcode, part number and maker, by feature."""
        ours, theirs = self._ours, self._theirs
        code, other = ours.part_numbers[row], theirs.part_numbers[product]
        maker, rival = ours.maker_names[row], theirs.maker_names[product]
        barcode, strange = ours.barcodes[row], theirs.barcodes[product]
        return {
            "barcode_same": f"barcode {barcode} is the same",
            "barcode_other": f"other barcode: {barcode}, not {strange}",
            "code_same": f"part number {code} is the same",
            "code_named": f"part number {code or other} stands on the other side too",
            "code_shared": "both names have the same part code",
            "code_part": f"part number {code} is like {other}, but not the same",
            "code_other": f"other part number: {code}, not {other}",
            "maker_same": f"maker {maker} is the same",
            "maker_alike": f"makers are alike: {maker}, {rival}",
            "maker_named": f"maker {maker or rival} stands in the other name",
            "maker_rival": f"{maker} and {rival} are both named, but as makers they differ",
            "maker_other": f"other maker: {maker}, not {rival}",
        }

    def _tell_price(self, row: int, product: int) -> str:
        ratio = float(self._ours.prices[row] / self._theirs.prices[product])
        if np.isnan(ratio):
            return ""
        usual = "" if self._usual_ratio == 1 else ", as this list's prices go"
        ratio /= self._usual_ratio
        if 0.91 < ratio < 1.1:
            return f"the price is about the same{usual}"
        return (
            f"price {ratio:.2g} times the catalogue's{usual}"
            if ratio < 1000
            else f"the price is beyond all measure{usual}"
        )


def name_features(values: NDArray[np.float64]) -> dict[str, float]:
    """One pair's features by name; those that are 0 left out."""
    return {name: round(value, 4) for name, value in zip(NAMES, values.tolist(), strict=True) if value}


_PACK = groups().index("pack")
_KINDS: Sequence[tuple[str, str, Callable[[Fact], bool]]] = (
    ("colour", "colour", lambda fact: fact.group == COLOUR),
    ("size", "size", lambda fact: fact.group == SIZE),
    ("pack", "number of pieces", lambda fact: fact.group == _PACK),
    ("quantities", "measure", lambda fact: fact.group >= FIRST_DIMENSION and fact.group != _PACK),
)


def _list(facts: Iterable[Fact], written: Mapping[Fact, str] | None = None) -> str:
    """Such as "16 GB, 5 m", as the line has `written` them; in an order that does not depend on the process."""
    told = sorted({_tell(fact, written or {}) for fact in facts})
    return ", ".join(told[:SHOWN]) + (", …" if len(told) > SHOWN else "")


def _tell(fact: Fact, written: Mapping[Fact, str]) -> str:
    """What the line does not say is told in its unit where that is a round multiple of ours."""
    if fact.group < FIRST_DIMENSION or fact.group == _PACK:
        return fact.text
    if as_written := written.get(fact):
        return as_written
    for text in (text for like, text in written.items() if like.group == fact.group):
        unit = text.rpartition(" ")[2]
        measure = units().find(unit)
        if measure and f"{measure[1]:e}".startswith("1.000000e"):
            return f"{float(fact.text) / measure[1]:g} {unit}"
    return f"{float(fact.text):g} {units().names[groups()[fact.group]]}"


def _only(one: str, other: str) -> str:
    """Words of one name that the other has not."""
    there = fold(other)
    words = [word for word in dict.fromkeys(_WORD.findall(fold(one))) if word not in there]
    words.sort(key=len, reverse=True)  # the short ones say least
    return ", ".join(words[:SHOWN]) + (", …" if len(words) > SHOWN else "")
