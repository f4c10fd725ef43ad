"""The two ways to a place that ask no gate for leave: back, and through the glass."""

import pytest
from asking import DECIDE, promote, refusal, rows


class TestBreakGlass:
    @pytest.fixture
    def key(self, monkeypatch):
        monkeypatch.setenv("ORDINIS_BREAK_GLASS_KEY", "the right key")
        return "the right key"

    def test_off_without_a_key_of_the_server(self, store, version, facts):
        version("fail")
        ask = lambda: store.promote("m", 1, "champion", "the market burns", "any")  # noqa: E731
        refusal(ask, 403)
        assert facts() == []
        assert rows(store)[-1].entry.action == "refuse"

    @pytest.mark.parametrize(
        ("given", "reason", "status"),
        [("the wrong key", "now", 403), ("kéy", "now", 403), ("the right key", " ", 400)],
    )
    def test_needs_key_and_reason(self, store, version, facts, key, given, reason, status):
        version("fail")
        refusal(lambda: store.promote("m", 1, "champion", reason, given), status)
        assert facts() == []

    def test_failures_do_not_stop_it_and_stay_written(self, store, version, facts, key):
        version("fail"), version()
        store.promote("m", 1, "champion", "the market burns", key)
        assert facts() == [("@champion", 1), ("Production", 1)]
        (row,) = rows(store)
        assert (row.entry.action, row.entry.reason) == ("break_glass", "the market burns")
        assert [verdict.passed for verdict in row.entry.verdicts] == [False]
        promote(store, 2)
        store.rollback("m", 1, "again")
        tags = store.get_model_version("m", 1).tags
        assert "the market burns" in tags[f"ordinis.promotion.break_glass.{row.number}"]

    def test_files_that_cannot_be_hashed_are_not_promoted(self, store, version, key, tmp_path):
        version()
        for file in tmp_path.glob("files-*/*"):
            file.unlink()
        refusal(lambda: store.promote("m", 1, "champion", "the market burns", key), 403)


class TestRollback:
    @pytest.fixture
    def two(self, store, version):
        version(), version(), version()
        promote(store, 1), promote(store, 2)
        return store

    def test_brings_back_without_asking_gates(self, two, facts, monkeypatch):
        monkeypatch.setattr(DECIDE, None)
        two.rollback("m", 1, "version 2 loses money")
        assert facts() == [("@champion", 1), ("Production", 1)]
        row = rows(two)[-1].entry
        assert (row.action, str(row.previous)) == ("rollback", "2")
        assert row.digests == rows(two)[0].entry.digests

    def test_never_to_what_was_never_there(self, two):
        assert "promote it" in refusal(lambda: two.rollback("m", 3, "why not"), 403)
        assert rows(two)[-1].entry.action == "refuse"

    def test_only_to_the_place_where_it_was(self, two):
        refusal(lambda: two.rollback("m", 1, "why not", "Staging"), 403)

    def test_not_to_files_that_changed(self, two, tmp_path):
        for file in tmp_path.glob("files-*/weights.bin"):
            file.write_bytes(b"other weights")
        said = refusal(lambda: two.rollback("m", 1, "version 2 loses money"), 403)
        assert "not those that were proven" in said

    def test_not_to_another_model_of_the_name(self, two, version):
        two.transition_model_version_stage("m", 2, "Archived", False)
        source = two.get_model_version("m", 1).source
        two.delete_registered_model("m")
        two.create_registered_model("m")
        two.create_model_version("m", source)
        refusal(lambda: two.rollback("m", 1, "the same files"), 403)

    def test_not_to_a_model_that_was_replaced_past_the_gates(self, two):
        source = two.get_model_version("m", 1).source
        two._desk.plain.delete_registered_model("m")
        two.create_registered_model("m")
        two.create_model_version("m", source)
        refusal(lambda: two.rollback("m", 1, "the same files"), 403)

    def test_not_to_a_model_that_took_the_name(self, two, version):
        version(model="other")
        source = two.get_model_version("m", 1).source
        two.create_model_version("other", source)
        two.transition_model_version_stage("m", 2, "Archived", False)
        two.rename_registered_model("m", "old")
        two.rename_registered_model("other", "m")
        refusal(lambda: two.rollback("m", 2, "the same files"), 403)
        refusal(lambda: two.rollback("old", 1, "evidence does not go along"), 403)
