"""What speaks for and against a line and a product being the same, as columns over many pairs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from scipy import sparse

from daemon.workloads.price_lists.matching.candidates import Pairs
from daemon.workloads.price_lists.matching.catalogue import LONGEST_NAME, Catalogue, Columns, Reading
from daemon.workloads.price_lists.matching.comparison import Comparison, compare_facts
from daemon.workloads.price_lists.matching.facts import (
    CODE,
    COLOUR,
    CONDITION,
    FIRST_DIMENSION,
    NUMBER,
    SIZE,
    WORD,
    groups,
)
from daemon.workloads.price_lists.matching.makers import compare_makers
from daemon.workloads.price_lists.matching.text import fold, tidy
from daemon.workloads.price_lists.matching.variants import kin

SHORTEST_CODE = 4  # signs of a part number that is looked for in others
RARE = 0.4  # of the greatest weight: a code shared by more products than that leaves says nothing
SURE_PAIRS = 5  # so many pairs, sure without their prices, tell what the list's prices usually are
LIKELY_SAME = 0.8  # of the letters, before accents are taken off
STEP = 0.25  # of the logarithm, to which the usual ratio is rounded, so that few lines more or less do not move it


class Feature(NamedTuple):
    name: str
    sign: int  # of its weight: +1 speaks for the same, -1 against; it is never learned otherwise


FEATURES = tuple(
    Feature(name.removeprefix("-"), -1 if name[0] == "-" else 1)
    for name in [
        "barcode_same",
        "-barcode_other",
        "code_same",
        "code_named",
        "code_shared",
        "code_part",
        "-code_other",
        "maker_same",
        "maker_alike",
        "maker_named",
        "-maker_rival",
        "-maker_other",
        "line_covered",
        "product_covered",
        "words_shared",
        "letters_alike",
        "letters_same",
        "-line_only",
        "-product_only",
        "numbers_shared",
        "-numbers_other",
        "quantities_same",
        "-quantities_other",
        "colour_same",
        "-colour_other",
        "-condition_other",
        "size_same",
        "-size_other",
        "pack_same",
        "-pack_other",
        "-pack_one_sided",
        "price_near",
        "-price_far",
        "-price_very_far",
        "lead",
    ]
)
NAMES = tuple(feature.name for feature in FEATURES)
COLUMN = {name: number for number, name in enumerate(NAMES)}
LEAD = COLUMN["lead"]

Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """values: float64 (pairs, features), `lead` still 0: the scorer fills it in. Flags and shares are in [0, 1];
    weights of words are in units of the rarest word's, at most 4; prices in logarithms.

    usual_ratio: of the list's prices to the catalogue's, 1 where it is not known.
    """

    values: NDArray[np.float64]
    comparison: Comparison
    usual_ratio: float

    def column(self, name: str) -> Column:
        return self.values[:, COLUMN[name]]


def compute_features(reading: Reading, catalogue: Catalogue, pairs: Pairs) -> Features:
    """For all pairs at once. The same pair has the same features in any company, but for the usual price."""
    compared = compare_facts(reading, catalogue, pairs)
    scale = catalogue.greatest_weight
    columns: dict[str, Column] = {}
    columns |= _compare_barcodes(reading.columns, catalogue.columns, pairs)
    columns |= _compare_codes(reading, catalogue, pairs, compared.shared[:, CODE] / scale)
    columns |= _compare_makers(reading.columns, catalogue.columns, pairs)
    columns |= _compare_names(reading.columns, catalogue.columns, pairs, compared, scale)
    columns |= _compare_values(compared, scale)
    columns["colour_other"] = _colours_differ(reading, catalogue, pairs, compared)
    prices, usual_ratio = _compare_prices(reading.columns, catalogue.columns, pairs, columns)
    columns |= prices
    columns["lead"] = np.zeros(len(pairs))
    values = np.column_stack([columns[name].astype(np.float64) for name in NAMES])
    return Features(values, compared, usual_ratio)


def find_same_names(reading: Reading, catalogue: Catalogue, pairs: Pairs, features: Features) -> NDArray[np.bool_]:
    """Pairs whose names are the same but for capitals, accents and spaces; none that are too long to be kept whole."""
    ours, theirs = reading.columns.names, catalogue.columns.names
    same = np.zeros(len(pairs), dtype=bool)
    for pair in np.flatnonzero(features.column("letters_alike") >= LIKELY_SAME).tolist():
        one, other = ours[pairs.lines[pair]], theirs[pairs.products[pair]]
        same[pair] = fold(tidy(one)) == fold(tidy(other)) and max(len(one), len(other)) < LONGEST_NAME
    return same


def find_same_words(reading: Reading, catalogue: Catalogue, pairs: Pairs) -> NDArray[np.bool_]:
    """Pairs whose names have the same words, in whatever order."""
    ours = reading.columns.wordings[pairs.lines]
    same: NDArray[np.bool_] = (ours == catalogue.columns.wordings[pairs.products]) & (ours != 0)
    return same


def _compare_barcodes(ours: Columns, theirs: Columns, pairs: Pairs) -> dict[str, Column]:
    one, other = ours.barcodes[pairs.lines], theirs.barcodes[pairs.products]
    has_both = (one > 0) & (other > 0)
    return {"barcode_same": has_both & (one == other), "barcode_other": has_both & (one != other)}


def _compare_codes(reading: Reading, catalogue: Catalogue, pairs: Pairs, shared: Column) -> dict[str, Column]:
    """`shared`: the weight of the codes that both have, 1 for one that no other product has."""
    ours, theirs = reading.columns, catalogue.columns
    kinds = np.array(
        [
            _relate(ours.codes[line], theirs.codes[product], theirs.makers[product] or ours.makers[line])
            for line, product in zip(pairs.lines.tolist(), pairs.products.tolist(), strict=True)
        ],
        dtype=np.int8,
    ).reshape(len(pairs))
    is_same = kinds == _SAME
    is_named = ~is_same & (
        _has(catalogue.facts, pairs.products, reading.code_places[pairs.lines])
        | _has(reading.facts, pairs.lines, catalogue.code_places[pairs.products])
    )
    rarity = np.clip((shared - RARE) / (1 - RARE), 0, 1)
    return {
        "code_same": is_same,
        "code_named": np.where(is_named, rarity, 0),
        "code_shared": np.where(is_same | is_named, 0, rarity),
        "code_part": (kinds == _PART) & ~is_named,
        "code_other": (kinds == _OTHER) & ~is_named,
    }


def _has(facts: sparse.csr_array, rows: NDArray[np.intp], places: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the rows have the facts; a place of -1 is none."""
    found = np.zeros(len(rows), dtype=bool)
    asked = np.flatnonzero(places >= 0)
    if len(asked):
        found[asked] = np.asarray(facts[rows[asked], places[asked]]).ravel() != 0
    return found


_UNKNOWN, _SAME, _PART, _OTHER = range(4)


def _relate(one: str, other: str, maker: tuple[str, ...]) -> int:
    """Two compact part numbers. The maker's first letters before one of them are no difference."""
    if not one or not other:
        return _UNKNOWN
    if one == other:
        return _SAME
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) < SHORTEST_CODE or short not in long:
        return _OTHER
    before = long.removesuffix(short)
    return _SAME if before != long and len(before) > 1 and "".join(maker).startswith(before) else _PART


def _compare_makers(ours: Columns, theirs: Columns, pairs: Pairs) -> dict[str, Column]:
    kinships, is_named = [], []
    for line, product in zip(pairs.lines.tolist(), pairs.products.tolist(), strict=True):
        one, other = ours.makers[line], theirs.makers[product]
        kinship = compare_makers(one, other)
        kinships.append(kinship)
        is_named.append(
            kinship in ("unknown", "other")
            and (
                (bool(one) and " ".join(one) in theirs.names[product])
                or (bool(other) and " ".join(other) in ours.names[line])
            )
        )
    kinds, named = np.array(kinships, dtype="U7"), np.array(is_named, dtype=bool)
    return {
        "maker_same": kinds == "same",
        "maker_alike": kinds == "alike",
        "maker_named": named & (kinds == "unknown"),
        "maker_rival": named & (kinds == "other"),
        "maker_other": (kinds == "other") & ~named,
    }


def _compare_names(
    ours: Columns, theirs: Columns, pairs: Pairs, compared: Comparison, scale: float
) -> dict[str, Column]:
    text = [WORD, NUMBER, CODE, COLOUR, SIZE]
    shared = compared.shared[:, text].sum(axis=1)
    line, product = compared.only_line[:, text].sum(axis=1), compared.only_product[:, text].sum(axis=1)
    alike = process.cpdist(
        [ours.names[row] for row in pairs.lines.tolist()],
        [theirs.names[row] for row in pairs.products.tolist()],
        scorer=fuzz.token_set_ratio,
        dtype=np.float32,
    )
    letters = np.asarray(alike, dtype=np.float64).reshape(len(pairs)) / 100
    return {
        "line_covered": shared / (shared + line + 1),
        "product_covered": shared / (shared + product + 1),
        "words_shared": np.minimum(compared.shared[:, WORD] / scale, 4),
        "letters_alike": letters,
        "letters_same": np.maximum(letters - 0.8, 0) * 5,
        "line_only": np.minimum(compared.only_line[:, WORD] / scale, 4),
        "product_only": np.minimum(compared.only_product[:, WORD] / scale, 4),
    }


def _compare_values(compared: Comparison, scale: float) -> dict[str, Column]:
    """Numbers, quantities, colours, sizes and packs. They differ where each side has one that the other has not."""
    pack = groups().index("pack")
    dimensions = [number for number in range(FIRST_DIMENSION, len(groups())) if number != pack]
    is_shared = compared.shared > 0
    differs = (compared.only_line > 0) & (compared.besides > 0)
    one_sided: NDArray[np.bool_] = (compared.only_line > 0) ^ (compared.only_product > 0)
    return {
        "numbers_shared": np.minimum(compared.shared[:, NUMBER] / scale, 2),
        "numbers_other": np.minimum(
            np.minimum(compared.only_line[:, NUMBER], compared.only_product[:, NUMBER]) / scale, 1
        ),
        "quantities_same": np.minimum(is_shared[:, dimensions].sum(axis=1), 3),
        "quantities_other": np.minimum(differs[:, dimensions].sum(axis=1), 3),
        "colour_same": is_shared[:, COLOUR],
        "condition_other": one_sided[:, CONDITION],
        "size_same": is_shared[:, SIZE],
        "size_other": differs[:, SIZE],
        "pack_same": is_shared[:, pack],
        "pack_other": differs[:, pack],
        "pack_one_sided": one_sided[:, pack] & ~is_shared[:, pack],
    }


def _colours_differ(reading: Reading, catalogue: Catalogue, pairs: Pairs, compared: Comparison) -> Column:
    """True where both say colours, none of them the same or near."""
    has = [weights[:, COLOUR] > 0 for weights in (compared.shared, compared.only_line, compared.besides)]
    differ = np.asarray(~has[0] & has[1] & has[2], dtype=np.float64)
    for pair in np.flatnonzero(differ).tolist():
        said = [fact.text for fact in reading.texts[pairs.lines[pair]].said if fact.group == COLOUR]
        other = {fact.text for fact in catalogue.facts_of(pairs.products[pair]) if fact.group == COLOUR}
        differ[pair] = not any(kin()[colour] & other for colour in said)
    return differ


def _compare_prices(
    ours: Columns, theirs: Columns, pairs: Pairs, columns: dict[str, Column]
) -> tuple[dict[str, Column], float]:
    """How far the price is from the list's usual ratio to the catalogue's prices (its margin, its currency)."""
    ratio = np.log(ours.prices[pairs.lines] / theirs.prices[pairs.products])
    is_known = ~np.isnan(ratio)
    is_sure = is_known & ((columns["code_same"] & ~columns["maker_other"].astype(bool)) | columns["barcode_same"])
    usual = round(float(np.median(ratio[is_sure])) / STEP) * STEP if is_sure.sum() >= SURE_PAIRS else 0.0
    distance = np.where(is_known, np.abs(ratio - usual), 0.0)
    prices = {
        "price_near": np.where(is_known, np.maximum(0, 1 - distance), 0),
        "price_far": np.clip(distance - 0.5, 0, 2),
        "price_very_far": np.clip(distance - 1.4, 0, 3),
    }
    return prices, float(np.exp(usual))
