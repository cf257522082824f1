import pytest

from models.bundle import Bundle
from tests.models.trained import trained


@pytest.fixture(scope="session")
def small_bundle() -> Bundle:
    """Both models, trained on the seeded shop."""
    return trained()
