"""What tests of the gates share."""

import pytest
from planted import candidate_of, copied


@pytest.fixture
def sound(saved_package, tracking_store):
    """The small package as it was saved."""
    return candidate_of(saved_package)


@pytest.fixture
def folder(saved_package, tmp_path, tracking_store):
    """A copy of it, to alter."""
    return copied(saved_package, tmp_path)
