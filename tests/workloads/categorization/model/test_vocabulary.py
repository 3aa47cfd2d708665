"""What is remembered stays within bounds, and nobody can tell from a decision whether it was."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence import wording
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.part_number import PartNumber
from daemon.workloads.categorization.evidence.reading import Reading
from daemon.workloads.categorization.model.storage import from_bytes, to_bytes
from daemon.workloads.categorization.model.vocabulary import Reader, Vocabulary, assemble
from tests.workloads.categorization.shop import TAXONOMY, make_labelled, make_product

LENGTHS = np.ones(2, dtype=np.float32)


@pytest.fixture
def forgetful(monkeypatch):
    """Three tokens and three values are remembered of each source."""
    monkeypatch.setattr("daemon.workloads.categorization.model.vocabulary.REMEMBERED", 3)
    monkeypatch.setattr("daemon.workloads.categorization.evidence.wording.REMEMBERED", 3)


@pytest.mark.usefixtures("forgetful")
def test_tokens_are_forgotten_before_they_are_too_many():
    def numbers_of(features):
        return [int(feature[4:-1]) if feature[4:-1].isdigit() else -5 for feature in features]

    reader = Reader(NameWords(), numbers_of)
    for n in range(100):
        numbers = reader.read(Reading(make_product(name=f"word{n}x other")))
        assert np.frombuffer(numbers, dtype=np.intc).tolist() == [n, -5, -5]  # its form, the other word
        assert len(reader) <= 3


def test_tokens_that_do_not_recur_are_not_remembered():
    reader = Reader(PartNumber(), lambda features: map(len, features))
    numbers = reader.read(Reading(make_product(part_number="BC547")))
    assert np.frombuffer(numbers, dtype=np.intc).tolist() == [3, 4, 5, 6, 6, 3]
    assert not reader


@pytest.mark.usefixtures("forgetful")
def test_values_are_forgotten_before_they_are_too_many():
    words = wording.Wording(NameWords(), [f"word{n}" for n in range(100)])
    for n in range(100):
        assert words[np.array([n, 0], dtype=np.intc).tobytes(), None] == f"“word{n}”; “word0”"
        assert len(words) <= 3


def test_a_value_is_not_remembered_for_a_manufacturer_without_end():
    words = wording.Wording(PartNumber(), ["^BC|x"])
    column = np.array([0], dtype=np.intc).tobytes()
    assert words[column, "x" * 1_000_000] == f"begins with BC, {'x' * 1000}"[: wording.VALUE_LENGTH]
    assert not words
    assert words[column, "Onsemi"] == "begins with BC, Onsemi"
    assert len(words) == 1


def test_threads_that_forget_for_each_other_decide_the_same(model, monkeypatch):
    products = [product for product, _ in make_labelled(300, seed=12)]
    decisions = decide(model, TAXONOMY, products)
    monkeypatch.setattr("daemon.workloads.categorization.model.vocabulary.REMEMBERED", 3)
    monkeypatch.setattr("daemon.workloads.categorization.evidence.wording.REMEMBERED", 3)
    forgetful = from_bytes(to_bytes(model))
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: decide(forgetful, TAXONOMY, products), range(8)))
    assert found == [decisions] * 8


def test_a_vocabulary_may_be_larger_than_short_numbers_can_count():
    width = np.iinfo(np.int32).max
    columns = np.array([width - 1, 5, 5, 0], dtype=np.int32)
    found = assemble(columns, np.array([1, 2, 2, 0]), 3, np.array([0, 10, width], dtype=np.int32), LENGTHS)
    assert found.matrix.indices.tolist() == [0, width - 1, 5]
    assert found.rows.tolist() == [0, 1, 2]
    assert found.sources.tolist() == [0, 1, 0]


def test_the_features_of_a_source_have_its_length_together_and_unknown_ones_are_counted():
    columns = np.array([0, 1, 3, -1, 5, -2, -2, -2], dtype=np.int32)
    found = assemble(columns, np.array([0, 0, 0, 0, 0, 0, 1, 1]), 2, np.array([0, 4, 6], dtype=np.int32), LENGTHS / 2)
    assert found.matrix.toarray()[0] == pytest.approx([1 / 12**0.5, 1 / 12**0.5, 0, 1 / 12**0.5, 0, 0.5])
    assert found.seen.tolist() == [[4, 2], [0, 2]]


def test_a_part_of_a_matrix_is_as_if_only_that_had_been_read(model):
    products = [product for product, _ in make_labelled(30, seed=3)]
    some = np.array([3, 7, 7, 20])
    part = model.vocabulary.read(products).take(some)
    alone = model.vocabulary.read([products[position] for position in some])
    for found, wanted in ((part.matrix.toarray(), alone.matrix.toarray()), (part.seen, alone.seen)):
        assert (found == wanted).all()
    assert part.rows.tolist() == alone.rows.tolist()
    assert part.sources.tolist() == alone.sources.tolist()


def test_what_is_not_to_be_known_is_as_if_it_had_never_been_learned(model):
    products = [product for product, _ in make_labelled(30, seed=3)]
    is_known = np.arange(len(model.vocabulary)) % 3 > 0
    features = model.vocabulary.read(products).know_only(is_known, model.vocabulary.lengths)
    bounds = model.vocabulary.bounds.tolist()
    names = [
        [name for name, kept in zip(model.vocabulary.features[a:b], is_known[a:b], strict=True) if kept]
        for a, b in pairwise(bounds)
    ]
    narrower = Vocabulary(model.vocabulary.sources, names).read(products)
    assert features.matrix.toarray()[:, is_known] == pytest.approx(narrower.matrix.toarray())
    assert (features.seen <= narrower.seen).all()  # unknown ones that repeat count each time


def test_a_silent_source_sees_nothing(model):
    products = [product for product, _ in make_labelled(10, seed=3)]
    features = model.vocabulary.read(products, frozenset({"name", "description"}))
    heard = {model.vocabulary.sources[position].name for position in np.flatnonzero(features.seen.sum(axis=0))}
    assert heard == {"part_number", "manufacturer", "attributes", "attribute_names", "name_letters", "name_pairs"}
