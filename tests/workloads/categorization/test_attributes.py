"""Attributes are whatever JSON the shop keeps."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.workloads.categorization.evidence.attributes import Attributes
from daemon.workloads.categorization.evidence.flattening import DEPTH, ENTRIES, LENGTH, flatten
from tests.workloads.categorization.shop import features_of, make_product

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=100), inner, max_size=8),
    max_leaves=40,
)


@pytest.mark.parametrize(
    ("attributes", "pairs"),
    [
        (None, [("", "")]),
        ({}, []),
        ({"Color": "Red"}, [("Color", "Red")]),
        ({"a": {"b": {"c": 1}}}, [("a", ""), ("a.b", ""), ("a.b.c", "1")]),
        ({"sizes": ["S", 2.5, True, None]}, [("sizes", ""), *[("sizes", v) for v in ("S", "2.5", "True", "")]]),
        (["x", {"k": "v"}], [("", "x"), ("", ""), ("k", "v")]),
        (7, [("", "7")]),
        ({"n": 10**5000}, [("n", "")]),
    ],
)
def test_flatten_walks_level_by_level(attributes, pairs):
    assert flatten(attributes) == pairs


def test_features_are_keys_values_shapes_and_words():
    seen = features_of(Attributes(), make_product(attributes={"Size ": " 12.5 MM", "Socket": "E27", "Used": None}))
    assert set(seen) == {
        "size", "size=12.5 mm", "size=# mm", "size~12.5", "size~mm", "socket", "socket=e27", "socket=e#", "used",
    }  # fmt: skip


@given(JSON)
def test_any_json_is_read_within_bounds(attributes):
    seen = features_of(Attributes(), make_product(attributes=attributes))
    assert len(seen) <= ENTRIES * (3 + LENGTH // 2)
    assert all(feature and len(feature) <= 2 * LENGTH + 1 for feature in seen)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20) | st.integers(), max_size=ENTRIES))
def test_the_order_of_keys_does_not_matter(attributes):
    backwards = dict(reversed(attributes.items()))
    one, other = (features_of(Attributes(), make_product(attributes=given)) for given in (attributes, backwards))
    assert sorted(one) == sorted(other)


@pytest.mark.parametrize(
    "attributes",
    [
        {f"key {n}": n for n in range(1000)},
        [{"k": n} for n in range(1000)],
        [[]] * 1000,
        {"k" * 100_000: "v" * 100_000},
        json.loads("[" * 500 + "]" * 500),
        json.loads('{"a":' * 500 + "1" + "}" * 500),
    ],
)
def test_large_and_deep_json_is_cut(attributes):
    pairs = flatten(attributes)
    assert 0 < len(pairs) <= ENTRIES
    assert all(len(key) <= LENGTH and len(value) <= LENGTH for key, value in pairs)
    assert max(key.count(".") for key, _ in pairs) < DEPTH


def test_describe_speaks_to_people():
    source = Attributes()
    described = [source.describe(feature, None) for feature in ("color=red", "color~red", "color", "=red")]
    assert described == ["color = red", "color with “red”", "has color", "red"]
