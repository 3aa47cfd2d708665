"""What people have to look at, however high or low the score."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.price_lists.matching.features import COLUMN

ONE_NAME = 0.95  # share of what a name says, by the weight of its words
TELLING = 0.9  # the same of a name that says much: the share is of one word more than the name has
CONTRADICTIONS = (
    *("barcode_other", "code_other", "code_part", "maker_rival", "maker_other", "numbers_other", "quantities_other"),
    *("colour_other", "condition_other", "size_other", "pack_other", "pack_one_sided"),
)

Flags = NDArray[np.bool_]


def is_identified(values: NDArray[np.float64], same_words: Flags) -> Flags:
    """Pairs with one barcode, one part number of one maker, or one name: never a draft, lest the shop have the product
    twice. Names are one when they have the same words, or each says nearly all that the other says; and nothing else
    speaks against it."""

    def has(*names: str) -> Flags:
        flags: Flags = np.logical_or.reduce([values[:, COLUMN[name]] > 0 for name in names])
        return flags

    by_code = has("code_same") & has("maker_same", "maker_alike")
    covered = np.minimum(values[:, COLUMN["line_covered"]], values[:, COLUMN["product_covered"]])
    by_name = (same_words | (covered >= ONE_NAME)) & ~has(*CONTRADICTIONS)
    identified: Flags = has("barcode_same") | by_code | by_name
    return identified


def is_sure_by_name(values: NDArray[np.float64], same_name: Flags, has_rival: Flags) -> Flags:
    """Pairs of one maker with one name, letter by letter, that says much; no other product is nearly as good, and
    nothing speaks against it, the price neither."""
    covered = np.minimum(values[:, COLUMN["line_covered"]], values[:, COLUMN["product_covered"]])
    is_against = np.logical_or.reduce([values[:, COLUMN[name]] > 0 for name in (*CONTRADICTIONS, "price_far")])
    sure: Flags = same_name & (covered >= TELLING) & (values[:, COLUMN["maker_same"]] > 0) & ~is_against & ~has_rival
    return sure


def find_vetoes(values: NDArray[np.float64], has_rival: Flags) -> Mapping[str, Flags]:
    """For each kind of reason the pairs that it keeps from being linked. has_rival: see Scorer.

    Colours, sizes, quantities and packs that differ always do; what an equal part number or barcode explains (a pack
    that only one side tells of, a number that only one side has) does not where these are equal.
    """

    def has(*names: str) -> Flags:
        flags: Flags = np.logical_or.reduce([values[:, COLUMN[name]] > 0 for name in names])
        return flags

    has_number = has("code_same", "barcode_same")
    return {
        "barcode_other": has("barcode_other"),
        "code_other": has("code_other") & ~has("barcode_same"),
        "code_part": has("code_part") & ~has("barcode_same"),
        "quantities_other": has("quantities_other"),
        "colour_other": has("colour_other"),
        "condition_other": has("condition_other"),
        "size_other": has("size_other"),
        "pack_other": has("pack_other"),
        "pack_one_sided": has("pack_one_sided") & ~has_number,
        "numbers_other": has("numbers_other") & ~has_number & ~has("code_named"),
        "runner_up": has_rival,
    }
