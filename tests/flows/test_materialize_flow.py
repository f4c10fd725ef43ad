"""Materialize: features over a data set, computed once, the same whichever way it grew."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from own_store import files, own_store, words

from flows import ingest, materialize
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import (
    FeatureSetChanged,
    InvalidConfig,
    TooFewBars,
    UnknownSnapshot,
)
from ordinis_mlflow.features import TECHNICAL_1, BarArrays, FeatureSet, History
from ordinis_mlflow.store import read, read_manifest

LOOKBACK = TECHNICAL_1.lookback


@pytest.fixture
def ingested(flow, store, tmp_path):
    """Ingest a table; the name of the data set's newest bars snapshot."""

    def call(frame, dataset, into=store):
        path = tmp_path / "bars.parquet"
        frame.to_parquet(path)
        flow(ingest.main, bars=path, dataset=dataset)
        return into.catalogue.head(dataset)

    return call


@pytest.fixture
def made(flow, store):
    """Materialize; the run and the manifest of what it made."""

    def call(into=store, **options):
        done = flow(materialize.main, **options)
        return done, read_manifest(into.files, done.data.tags["ordinis.snapshot"])

    return call


@pytest.fixture
def refused(store, run_ids):
    """Materialize in vain: nothing is written, and no run is left that looks well."""

    def call(error, reason, ran=False, **options):
        before, runs = files(store), run_ids()
        with pytest.raises(error, match=reason):
            materialize.main(words(**options))
        assert files(store) == before
        new = [mlflow.get_run(run_id).info.status for run_id in run_ids() - runs]
        assert new == (["FAILED"] if ran else [])

    return call


@pytest.fixture(scope="module")
def two(small_frame):
    """Two symbols, of which one has too few bars for a single row."""
    first, second = (part for _, part in small_frame.groupby("symbol"))
    return pd.concat([first, second[: LOOKBACK - 1]], ignore_index=True)


def expected(frame):
    """Features of one symbol's bars, computed in one piece."""
    (values,) = (series.values for series in Bars.from_frame(frame).series())
    columns = np.ascontiguousarray(values.T)
    return TECHNICAL_1.compute(BarArrays(*columns), History())


def test_the_newest_bars_of_a_data_set(small_frame, ingested, made, store, capsys):
    ingested(small_frame[small_frame["timestamp"] < "2021-02-01"], "newest")
    bars = ingested(small_frame, "newest")
    done, features = made(dataset="newest")
    assert (features.bars, features.dataset) == (bars, "newest")
    assert (features.features, features.columns) == ("technical@1", TECHNICAL_1.names)
    panel = read(store.files, features.name)
    assert panel.symbols == ("AAA", "BBB")
    for symbol, rows in panel.spans():
        one = small_frame[small_frame["symbol"] == symbol]
        assert np.array_equal(panel.values[rows], expected(one))
        assert list(panel.times[rows]) == [each.value for each in one["timestamp"][LOOKBACK - 1 :]]
    (used,) = done.inputs.dataset_inputs
    assert used.dataset.digest == features.name
    assert {tag.key: tag.value for tag in used.tags} == {"mlflow.data.context": "materialize"}
    assert done.data.tags["ordinis.dataset"] == "newest"
    assert done.data.metrics == {"rows": features.rows, "symbols_left_out": 0}
    assert f"{features.rows} rows of technical@1" in capsys.readouterr().out


def test_a_named_snapshot_of_bars(small_frame, ingested, made):
    older = ingested(small_frame[small_frame["timestamp"] < "2021-02-01"], "named")
    newer = ingested(small_frame, "named")
    _, features = made(snapshot=older)
    assert features.bars == older != newer
    _, same = made(snapshot=older, dataset="there is none")  # which is then not read
    assert same == features


def test_grown_features_are_those_computed_at_once(small_frame, ingested, made, tmp_path):
    """By steps here, at once in a store that never saw the steps: one name, so equal in all."""
    steps = [small_frame["timestamp"] < day for day in ("2020-10-01", "2021-01-15", "2022-01-01")]
    for step in steps:
        ingested(small_frame[step], "grown")
        _, grown = made(dataset="grown")
    with own_store(tmp_path) as fresh:
        ingested(small_frame, "grown", into=fresh)
        _, whole = made(into=fresh, dataset="grown")
    assert grown.name == whole.name


def test_a_correction_makes_new_revisions_of_the_rows_that_read_it(
    small_frame, ingested, made, store, tmp_path
):
    """And is computed the same by a store that gets the log of revisions at once."""
    ingested(small_frame, "corrected")
    _, before = made(dataset="corrected")
    wrong = small_frame.copy()
    wrong.loc[200, "volume"] += 1e3
    bars = ingested(wrong, "corrected")
    _, after = made(dataset="corrected")
    assert before.rows < after.rows <= before.rows + LOOKBACK
    corrected = read(store.files, bars).frame["known_at"].max()
    assert read(store.files, after.name, corrected.value - 1).frame.equals(
        read(store.files, before.name).frame
    )
    panel = read(store.files, after.name)
    assert np.array_equal(panel.values[: 420 - LOOKBACK + 1], expected(wrong[:420]))
    log = read(store.files, bars, corrected.value - 1).frame
    log = pd.concat([log, read(store.files, bars).frame]).drop_duplicates()
    with own_store(tmp_path) as fresh:
        assert ingested(log, "corrected", into=fresh) == bars
        _, whole = made(into=fresh, dataset="corrected")
    assert after.name == whole.name


def test_too_few_bars_are_refused_and_the_symbol_is_named(two, ingested, refused):
    ingested(two, "short")
    reason = rf"1 of 2 symbols have fewer than the {LOOKBACK} bars .* looks back: BBB; .*leave"
    refused(TooFewBars, reason, ran=True, dataset="short")


def test_what_is_left_out_on_request_is_recorded(two, ingested, made, store, capsys):
    ingested(two, "left")
    done, features = made(dataset="left", leave_out="true")
    assert features.left_out == ("BBB",)
    assert read(store.files, features.name).symbols == ("AAA",)
    assert done.data.metrics["symbols_left_out"] == 1
    assert done.data.params["leave_out"] == "True"
    (used,) = done.inputs.dataset_inputs
    assert '"left_out": ["BBB"]' in used.dataset.profile
    assert "too few bars, left out: BBB" in capsys.readouterr().out


def test_a_symbol_is_taken_in_again_once_it_has_bars(small_frame, two, ingested, made, store):
    ingested(two, "again")
    _, without = made(dataset="again", leave_out="true")
    ingested(small_frame, "again")
    _, features = made(dataset="again")
    assert (without.left_out, features.left_out) == (("BBB",), ())
    assert read(store.files, features.name).symbols == ("AAA", "BBB")


def test_unknown_names_are_refused_before_there_is_a_run(refused):
    refused(UnknownSnapshot, "there is no data set 'nothing'; ingest bars", dataset="nothing")
    refused(UnknownSnapshot, "has no snapshot 'f{32}'", snapshot="f" * 32)
    refused(UnknownSnapshot, r"has no snapshot '\.\./x'", snapshot="../x")
    refused(InvalidConfig, "'wrong@7' is not known", dataset="nothing", features="wrong@7")


def test_features_are_not_computed_from_features(small_frame, ingested, made, refused):
    bars = ingested(small_frame, "twice")
    _, features = made(dataset="twice")
    reason = f"holds technical@1, and features are computed from bars: pass {bars}, "
    refused(InvalidConfig, reason, snapshot=features.name)


def test_features_that_changed_under_their_version_are_refused(
    small_frame, ingested, flow, run_ids, tmp_path
):
    other = FeatureSet("technical", 1, TECHNICAL_1.features[::-1])
    with own_store(tmp_path) as fresh:
        ingested(small_frame, "changed", into=fresh)
        fresh.catalogue.register(other)
        before, runs = files(fresh), run_ids()
        with pytest.raises(FeatureSetChanged, match="technical@1 computes something else than"):
            materialize.main(words(dataset="changed"))
        assert files(fresh) == before
        assert fresh.catalogue.feature_snapshots("changed", "technical@1") == []
    (run_id,) = run_ids() - runs
    assert mlflow.get_run(run_id).info.status == "FAILED"
