"""Without a server, the registry's URI puts the gates into the process itself."""

from importlib.metadata import entry_points

import pytest
from mlflow.exceptions import MlflowException

DRIVERS = ("sqlite", "postgresql", "postgresql+psycopg", "postgresql+psycopg2")


def test_every_spelling_of_a_database_is_known():
    known = {point.name for point in entry_points(group="mlflow.model_registry_store")}
    assert known >= {f"ordinis+{driver}" for driver in DRIVERS}


@pytest.mark.filterwarnings("ignore:.*transition_model_version_stage:FutureWarning")
def test_mlflows_client(store, version, database, facts):
    from mlflow import MlflowClient

    version("fail"), version()
    uri = f"sqlite:///{database}"
    client = MlflowClient(tracking_uri=uri, registry_uri=f"ordinis+{uri}")
    with pytest.raises(MlflowException, match="planted FAILED"):
        client.set_registered_model_alias("m", "champion", "1")
    assert client.transition_model_version_stage("m", "2", "Production").aliases == ["champion"]
    assert client.get_model_version_by_alias("m", "champion").version == 2
    assert facts() == [("@champion", 2), ("Production", 2)]


def test_workspaces(gates, database, monkeypatch):
    from ordinis_mlflow.plugins.registry_store import build
    from ordinis_mlflow.registry import GatedWorkspaceStore

    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    store = build(f"ordinis+sqlite:///{database}")
    assert isinstance(store, GatedWorkspaceStore)
    store.engine.dispose()


class TestAudit:
    @pytest.fixture
    def promoted(self, store, version):
        version(), version()
        for number in (1, 2):
            store.transition_model_version_stage("m", number, "Production", False)
        return store

    def test_what_stands_by_a_decision_is_clean(self, promoted):
        assert promoted.audit().clean

    def test_files_that_changed_are_found(self, promoted, tmp_path):
        for file in tmp_path.glob("files-*/weights.bin"):
            file.write_bytes(b"other weights")
        (held,) = promoted.audit().held
        assert (held.version, held.verdict.passed) == (2, False)

    def test_a_proven_version_that_was_moved_past_the_gates_is_found(self, promoted):
        plain = promoted._desk.plain
        plain.transition_model_version_stage("m", 1, "Production", True)
        plain.set_registered_model_alias("m", "champion", 1)
        (held,) = promoted.audit().held
        assert "by the ledger, 2 stands there" in held.verdict.reason

    def test_a_champion_that_was_taken_away_past_the_gates_is_found(self, promoted):
        plain = promoted._desk.plain
        plain.transition_model_version_stage("m", 2, "None", False)
        plain.delete_registered_model_alias("m", "champion")
        (held,) = promoted.audit().held
        assert (held.version, held.verdict.passed) == (2, False)
