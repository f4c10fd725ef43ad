"""The same on PostgreSQL, where rows are locked and not the database."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def uri(postgres):
    """MLflow's tables in a database of the module's own."""
    folder, user = postgres
    name = f"test_{os.urandom(8).hex()}"
    admin = sa.create_engine(f"postgresql+psycopg://{user}@/postgres?host={folder}")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    made = f"postgresql+psycopg://{user}@/{name}?host={folder}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        SqlAlchemyStore(made).engine.dispose()
    return made


@pytest.fixture
def opened(uri, gates, tmp_path):
    from ordinis_mlflow.plugins.registry_store import build

    made = []

    def open_store():
        made.append(build(f"ordinis+{uri}", f"sqlite:///{tmp_path / 'none.db'}"))
        return made[-1]

    yield open_store
    for store in made:
        store.engine.dispose()


def promoted(store, version):
    try:
        store.set_registered_model_alias("m", "champion", version)
    except MlflowException as error:
        return error.get_http_status_code()
    return 200


def test_many_at_once_and_back_again(opened, version, monkeypatch):
    import contextlib

    store = opened()
    for said in ("pass", "pass 0.05", "pass 0.05", "fail"):
        version(said)
    store.transition_model_version_stage("m", 1, "Production", False)
    monkeypatch.setattr(
        "ordinis_mlflow.registry.promotions.turn", lambda *_: contextlib.nullcontext()
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: promoted(store, 2 + n % 2), range(24)))
    assert set(answers) == {200, 409}, answers
    store.rollback("m", 1, "others lose money")
    assert promoted(store, 4) == 403
    assert store.get_registered_model("m").aliases == {"champion": 1}
    assert store.get_model_version("m", 1).current_stage == "Production"
    assert store.ledger.verify() == []
    store.transition_model_version_stage("m", 1, "None", False)
    store.delete_model_version("m", 1)
    store.rename_registered_model("m", "n")
    store.delete_registered_model("n")
    assert store.ledger.verify() == []
