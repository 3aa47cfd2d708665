"""What people have to look at, however high or low the score."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.workloads.price_lists.matching.features import COLUMN

LEAST_LEAD = 0.7  # log-odds: a best candidate that is less ahead of the next is no better

Flags = NDArray[np.bool_]


def is_identified(values: NDArray[np.float64]) -> Flags:
    """Pairs with one barcode, or one part number of one maker: never a draft, lest the shop have the product twice."""
    has = {name: values[:, COLUMN[name]] > 0 for name in ("barcode_same", "code_same", "maker_same", "maker_alike")}
    identified: Flags = has["barcode_same"] | (has["code_same"] & (has["maker_same"] | has["maker_alike"]))
    return identified


def find_vetoes(values: NDArray[np.float64]) -> Mapping[str, Flags]:
    """For each kind of reason the pairs that it keeps from being linked. `values` are scored: the lead is in.

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
        "runner_up": values[:, COLUMN["lead"]] < LEAST_LEAD,
    }
