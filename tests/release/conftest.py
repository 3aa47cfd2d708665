"""What is published, built once."""

import pytest

from tests.support.published import NoRepository, Published, publish


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The sdist from the repository, the wheel from the sdist."""
    try:
        return publish(tmp_path_factory.mktemp("published"))
    except NoRepository as error:
        pytest.skip(str(error))
