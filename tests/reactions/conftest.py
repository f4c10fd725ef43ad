"""A ledger with its outbox, a secret, and deliverers that end with their test."""

import pytest
from receiver import SECRET, VARIABLE, Book

from ordinis_mlflow.reactions import Deliverer


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)


@pytest.fixture
def book(tmp_path):
    return Book(f"sqlite:///{tmp_path / 'book.db'}")


@pytest.fixture
def deliverer(book):
    """Make deliverers, which are stopped after the test."""
    made = []

    def make(reactions, **options):
        options = {"poll": 0.05, **options}
        made.append(Deliverer(book.outbox, book.ledger, lambda: reactions, **options))
        return made[-1]

    yield make
    assert [each.stop() for each in made] == [True] * len(made)
