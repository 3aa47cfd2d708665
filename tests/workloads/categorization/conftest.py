"""One learned model for all tests that only read it."""

import pytest

from daemon.workloads.categorization.model.additive import Model
from tests.workloads.categorization.shop import learn_model, make_labelled


@pytest.fixture(scope="session")
def model() -> Model:
    return learn_model(make_labelled(1000))
