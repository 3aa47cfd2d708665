"""What speaks for and against a line and a product being the same, as columns over many pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from daemon.workloads.price_lists.matching.catalogue import Catalogue, Described, Slice
from daemon.workloads.price_lists.matching.facts import CODE, COLOUR, FIRST_DIMENSION, NUMBER, SIZE, WORD, groups
from daemon.workloads.price_lists.matching.makers import compare_makers

SHORTEST_PART = 4

@dataclass(frozen=True, slots=True)
class Compared:
    """Weights for each pair and group of facts, float32 (pairs, groups)."""

    shared: NDArray[np.float32]
    only_line: NDArray[np.float32]
    only_product: NDArray[np.float32]
    product_left: NDArray[np.float32]  # as only_product, with what its name does not say


def compare_facts(slice_: Slice, catalogue: Catalogue, lines, products) -> Compared:
    number = len(groups())
    ours, theirs = slice_.facts[lines], catalogue.facts[products]
    group_of = catalogue.group_of.astype(np.int64)

    def by_group(matrix, values):
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        cells = rows * number + group_of[matrix.indices]
        return np.bincount(cells, values, matrix.shape[0] * number).reshape(matrix.shape[0], number).astype(np.float32)

    both_theirs = abs(ours.sign()).multiply(theirs).tocsr()
    both_ours = ours.multiply(abs(theirs.sign())).tocsr()
    shared = by_group(both_theirs, np.abs(both_theirs.data))
    shared_said = by_group(both_theirs, np.maximum(both_theirs.data, 0))
    shared_line_said = by_group(both_ours, np.maximum(both_ours.data, 0))
    line_said = by_group(ours, np.maximum(ours.data, 0)) + slice_.unseen[lines]
    product_said = by_group(theirs, np.maximum(theirs.data, 0))
    product_all = by_group(theirs, np.abs(theirs.data))
    return Compared(shared, line_said - shared_line_said, product_said - shared_said, product_all - shared)


NAMES = (
    "barcode_same", "barcode_other",
    "code_same", "code_found", "code_part", "code_other", "name_code_other",
    "maker_same", "maker_alike", "maker_named", "maker_other",
    "words_alike", "line_covered", "product_covered", "letters_alike", "words_shared", "line_only", "product_only",
    "numbers_shared", "numbers_other",
    "quantities_shared", "quantities_other",
    "colour_same", "colour_other",
    "size_same", "size_other",
    "pack_same", "pack_other", "pack_one_sided",
    "price_near", "price_far", "price_very_far",
)  # fmt: skip


def compute(slice_: Slice, catalogue: Catalogue, lines, products):
    c = compare_facts(slice_, catalogue, lines, products)
    L, P = slice_.described, catalogue.described
    n = len(lines)
    f = {}
    top = catalogue.unseen_weight
    lb, pb = L.barcodes[lines], P.barcodes[products]
    both = (lb > 0) & (pb > 0)
    f["barcode_same"] = both & (lb == pb)
    f["barcode_other"] = both & (lb != pb)
    lp = [L.part_numbers[i] for i in lines.tolist()]
    pp = [P.part_numbers[i] for i in products.tolist()]
    same = np.array([bool(a) and a == b for a, b in zip(lp, pp)])
    part = np.array([len(a) >= SHORTEST_PART and len(b) >= SHORTEST_PART and a != b and (a in b or b in a) for a, b in zip(lp, pp)])
    bothp = np.array([bool(a) and bool(b) for a, b in zip(lp, pp)])
    codes = c.shared[:, CODE] / top
    f["code_same"] = same
    f["code_found"] = np.where(same, 0, np.clip((codes - 0.4) / 0.6, 0, 1))
    found = f["code_found"] > 0
    f["code_part"] = part & ~found
    f["code_other"] = bothp & ~same & ~part & ~found
    name_left = np.minimum(c.only_line[:, CODE], c.product_left[:, CODE]) / top
    f["name_code_other"] = np.where(same | found | part, 0, np.minimum(name_left, 1))
    makers = [compare_makers(a, b) for a, b in zip([L.makers[i] for i in lines.tolist()], [P.makers[i] for i in products.tolist()])]
    makers = np.array(makers)
    f["maker_same"] = makers == "same"
    f["maker_alike"] = makers == "alike"
    ln = [L.names[i].lower() for i in lines.tolist()]
    pn = [P.names[i].lower() for i in products.tolist()]
    lm = [" ".join(L.makers[i]) for i in lines.tolist()]
    pm = [" ".join(P.makers[i]) for i in products.tolist()]
    named = np.array([(bool(a) and a in y) or (bool(b) and b in x) for a, b, x, y in zip(lm, pm, ln, pn)])
    f["maker_named"] = named & ((makers == "unknown") | (makers == "other"))
    f["maker_other"] = (makers == "other") & ~named
    text = [WORD, NUMBER, CODE, COLOUR, SIZE]
    shared = c.shared[:, text].sum(1)
    sw = c.shared[:, WORD] + c.shared[:, NUMBER]
    ol = c.only_line[:, text].sum(1)
    op = c.only_product[:, text].sum(1)
    f["words_alike"] = 2 * shared / (2 * shared + ol + op + 1)
    f["line_covered"] = shared / (shared + ol + 1)
    f["product_covered"] = shared / (shared + op + 1)
    f["letters_alike"] = process.cpdist(ln, pn, scorer=fuzz.token_set_ratio, dtype=np.float32) / 100
    f["words_shared"] = np.minimum(c.shared[:, WORD] / top, 4)
    f["line_only"] = np.minimum(c.only_line[:, WORD] / top, 4)
    f["product_only"] = np.minimum(c.only_product[:, WORD] / top, 4)
    f["numbers_shared"] = np.minimum(c.shared[:, NUMBER] / top, 2)
    f["numbers_other"] = np.minimum(np.minimum(c.only_line[:, NUMBER], c.only_product[:, NUMBER]) / top, 1)
    dims = [g for g in range(FIRST_DIMENSION, len(groups())) if groups()[g] != "pack"]
    pack = groups().index("pack")
    f["quantities_shared"] = np.minimum((c.shared[:, dims] > 0).sum(1), 3)
    f["quantities_other"] = np.minimum(((c.only_line[:, dims] > 0) & (c.product_left[:, dims] > 0)).sum(1), 3)
    f["colour_same"] = c.shared[:, COLOUR] > 0
    f["colour_other"] = (c.shared[:, COLOUR] == 0) & (c.only_line[:, COLOUR] > 0) & (c.product_left[:, COLOUR] > 0)
    f["size_same"] = c.shared[:, SIZE] > 0
    f["size_other"] = (c.only_line[:, SIZE] > 0) & (c.product_left[:, SIZE] > 0)
    f["pack_same"] = c.shared[:, pack] > 0
    f["pack_other"] = (c.only_line[:, pack] > 0) & (c.product_left[:, pack] > 0)
    f["pack_one_sided"] = (c.shared[:, pack] == 0) & ((c.only_line[:, pack] > 0) ^ (c.product_left[:, pack] > 0))
    ratio = np.abs(np.log(L.prices[lines] / P.prices[products]))
    known = ~np.isnan(ratio)
    f["price_near"] = np.where(known, np.maximum(0, 1 - ratio), 0)
    f["price_far"] = np.where(known, np.minimum(np.maximum(0, ratio - 0.5), 2), 0)
    f["price_very_far"] = np.where(known, np.minimum(np.maximum(0, ratio - 1.4), 3), 0)
    return np.column_stack([np.asarray(f[name], dtype=np.float64) for name in NAMES]), c
