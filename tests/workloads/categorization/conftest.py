"""One learned model for all tests that only read it."""

import pytest

from daemon.workloads.categorization.learning import learn
from daemon.workloads.categorization.model import Model
from tests.workloads.categorization.shop import make_labelled


@pytest.fixture(scope="session")
def model() -> Model:
    return learn(make_labelled(1000))
