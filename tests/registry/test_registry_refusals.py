"""A refusal is one row, one status that nobody retries, one message without a trace."""

import pytest
import sqlalchemy as sa
from asking import DECIDE, promote, refusal, rows

from ordinis_mlflow.errors import StoreError
from ordinis_mlflow.promotion import decide
from ordinis_mlflow.verdict import Verdict


def test_a_failed_gate(store, version, facts):
    version("fail")
    said = refusal(lambda: promote(store), 403)
    assert "planted FAILED: the file says fail (observed 0, limit 1)" in said
    (row,) = rows(store)
    assert (row.entry.action, str(row.entry.version)) == ("refuse", "1")
    assert set(row.entry.digests) == {"verdict.txt", "weights.bin"}
    assert facts() == []


def test_a_gate_that_breaks_down_tells_no_secret(store, version):
    version("crash")
    assert "secret" not in refusal(lambda: promote(store), 403)
    assert rows(store)[-1].entry.action == "refuse"


def test_files_that_are_gone(store, version, tmp_path):
    version()
    for file in tmp_path.glob("files-*/*"):
        file.unlink()
    assert "files FAILED" in refusal(lambda: promote(store), 403)


def test_a_champion_whose_files_are_gone_is_an_empty_folder_to_the_gates(
    store, version, tmp_path, monkeypatch
):
    version()
    promote(store)
    for file in tmp_path.glob("files-*/*"):
        file.unlink()
    version()
    seen = []
    monkeypatch.setattr(DECIDE, lambda c, p: seen.append(c) or decide(c, p))
    promote(store, 2)
    assert (seen[0].champion.version, dict(seen[0].champion.digests)) == ("1", {})


def test_nothing_asked_is_nothing_passed(store, version, monkeypatch):
    version()
    monkeypatch.setattr(DECIDE, lambda candidate, policy: ())
    assert "no gate was asked" in refusal(lambda: promote(store), 403)


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda s: s.transition_model_version_stage("m", 1, "None", True), 400),
        (lambda s: s.transition_model_version_stage("m", 1, "Archived", True), 400),
        (lambda s: s.transition_model_version_stage("m", 1, "Nowhere", False), 400),
        (lambda s: s.transition_model_version_stage("m", "one", "Production", False), 400),
        (lambda s: s.transition_model_version_stage("m", None, "Production", False), 400),
        (lambda s: s.transition_model_version_stage("m", 2**70, "Production", False), 404),
        (lambda s: s.transition_model_version_stage("m", -1, "Archived", False), 404),
        (lambda s: s.transition_model_version_stage("", 1, "Production", False), 400),
        (lambda s: s.transition_model_version_stage("m", 9, "Production", False), 404),
        (lambda s: s.transition_model_version_stage("m", 9, "Archived", False), 404),
        (lambda s: s.transition_model_version_stage("no", 1, "Production", False), 404),
        (lambda s: s.set_registered_model_alias("m", "champion", 9), 404),
        (lambda s: s.set_registered_model_alias("m", "latest", 1), 400),
        (lambda s: s.delete_registered_model_alias("no", "champion"), 404),
        (lambda s: s.delete_model_version("m", 9), 404),
        (lambda s: s.delete_registered_model("no"), 404),
        (lambda s: s.rename_registered_model("m", ""), 400),
        (lambda s: s.rename_registered_model("m", "taken"), 400),
        (lambda s: s.promote("m", 1, "Nowhere"), 400),
        (lambda s: s.promote("m", 1, "champion", "a reason", "\ud800"), 403),
        (lambda s: s.promote("m", 1, "champion", "half a pair: \ud800"), 400),
        (lambda s: s.rollback("m", 1, " "), 400),
        (lambda s: s.rollback("m", 1, "why not"), 403),
    ],
)
def test_statuses(store, version, ask, status):
    version(), version(model="taken")
    refusal(lambda: ask(store), status)


def test_a_database_that_fails_is_a_conflict(store, version, facts, monkeypatch):
    version()

    def fail(*arguments):
        raise sa.exc.OperationalError("INSERT secret", {}, Exception("database is locked"))

    monkeypatch.setattr(store.ledger.__class__, "append", fail)
    assert "secret" not in refusal(lambda: promote(store), 409)
    assert facts() == []


@pytest.mark.parametrize("error", [StoreError("the chain is broken"), RuntimeError("a secret")])
def test_a_ledger_that_cannot_be_written_refuses(store, version, facts, monkeypatch, error):
    version()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(store.ledger.__class__, "append", fail)
    assert "secret" not in refusal(lambda: promote(store), 403)
    assert facts() == []


def test_a_policy_that_cannot_be_read_refuses(store, version, tmp_path, monkeypatch):
    version()
    broken = tmp_path / "broken.toml"
    broken.write_text("aliases = 7")
    monkeypatch.setenv("ORDINIS_POLICY", str(broken))
    assert "broken.toml" in refusal(lambda: promote(store), 400)
    broken.unlink()
    refusal(lambda: store.set_registered_model_alias("m", "champion", 1), 400)


def test_a_policy_that_was_changed_is_read_again(opened, version, tmp_path, policy, monkeypatch):
    file = tmp_path / "policy.toml"
    file.write_text(policy.read_text())
    monkeypatch.setenv("ORDINIS_POLICY", str(file))
    store = opened()
    version()
    promote(store)
    file.write_text(policy.read_text() + "# another digest\n")
    version()
    promote(store, 2)
    first, second = (row.entry.policy for row in rows(store))
    assert first != second


def test_what_is_deleted_is_written(store, version):
    version(), version()
    store.delete_model_version("m", 1)
    store.delete_registered_model("m")
    assert [(row.entry.action, str(row.entry.version)) for row in rows(store)] == [
        ("delete", "1"), ("delete", "")
    ]  # fmt: skip


def test_the_message_has_an_end(store, version, monkeypatch):
    version()
    verdict = Verdict("planted", False, 0.0, 1.0, "long " * 200)
    monkeypatch.setattr(DECIDE, lambda candidate, policy: (verdict,) * 20)
    assert len(refusal(lambda: promote(store), 403)) == 2000
