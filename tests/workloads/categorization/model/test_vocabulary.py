"""What is remembered stays within bounds, and nobody can tell from a decision whether it was."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from daemon.workloads.categorization.decision import decide
from daemon.workloads.categorization.evidence import wording
from daemon.workloads.categorization.evidence.name_words import NameWords
from daemon.workloads.categorization.evidence.part_number import PartNumber
from daemon.workloads.categorization.model.additive import Model
from daemon.workloads.categorization.model.vocabulary import Reader, assemble
from tests.workloads.categorization.shop import TAXONOMY, make_labelled, make_product


@pytest.fixture
def forgetful(monkeypatch):
    """Three tokens and three values are remembered of each source."""
    monkeypatch.setattr("daemon.workloads.categorization.model.vocabulary.REMEMBERED", 3)
    monkeypatch.setattr("daemon.workloads.categorization.evidence.wording.REMEMBERED", 3)


@pytest.mark.usefixtures("forgetful")
def test_tokens_are_forgotten_before_they_are_too_many():
    reader = Reader(NameWords(), {f"word{n}x": n for n in range(100)}.get)
    for n in range(100):
        assert np.frombuffer(reader.read(make_product(name=f"word{n}x other")), dtype=np.intc).tolist() == [n]
        assert len(reader) <= 3


def test_tokens_that_do_not_recur_are_not_remembered():
    reader = Reader(PartNumber(), {"^BC": 7}.get)
    assert np.frombuffer(reader.read(make_product(part_number="BC547")), dtype=np.intc).tolist() == [7]
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
    forgetful = Model.from_bytes(model.to_bytes())
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: decide(forgetful, TAXONOMY, products), range(8)))
    assert found == [decisions] * 8


def test_a_vocabulary_may_be_larger_than_short_numbers_can_count():
    width = np.iinfo(np.int32).max
    columns = np.array([width - 1, 5, 5, 0], dtype=np.int32)
    found = assemble(columns, np.array([1, 2, 2, 0]), 3, np.array([0, 10, width], dtype=np.int32))
    assert found.matrix.indices.tolist() == [0, width - 1, 5]
    assert found.rows.tolist() == [0, 1, 2]
    assert found.sources.tolist() == [0, 1, 0]
