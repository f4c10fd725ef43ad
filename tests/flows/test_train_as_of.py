"""Training on a snapshot and as of a moment: on exactly the rows that were known then."""

import dataclasses
import json
import time
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from own_store import files, own_store, words

from flows import ingest, materialize
from flows.options import TrainOptions
from flows.train import train
from flows.training import load, recorded_settings
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidConfig, TooFewBars, UnknownSnapshot
from ordinis_mlflow.features import TECHNICAL_1, BarArrays, FeatureSet, History
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.store import materialize as store_materialize

LAST = 380  # the last bar that is known at the moment below
TINY = LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=1)


def newest(store, dataset):
    """Bars and features of a data set's head."""
    materialize.main(words(dataset=dataset))
    bars = store.catalogue.head(dataset)
    (features,) = store.catalogue.made_from(bars)
    return bars, features


@pytest.fixture(scope="module")
def world(store, frame, tmp_path_factory):
    """A training as of a moment, and after it a correction of a bar that it read."""
    path = tmp_path_factory.mktemp("bars") / "daily.parquet"
    frame.to_parquet(path)
    ingest.main(words(bars=path, dataset="traded", symbol="AAA"))
    bars, features = newest(store, "traded")
    # One nanosecond before the next bar is known: a bar is known a day after its time.
    moment = frame["timestamp"][LAST + 2] - pd.Timedelta(1, "ns")
    options = TrainOptions(snapshot=features, as_of=moment.isoformat(), int8=False)
    published = train(options, TINY)

    corrected = frame.assign()
    corrected.loc[300, "volume"] += 1e3
    corrected_path = path.with_name("corrected.parquet")
    corrected.to_parquet(corrected_path)
    ingest.main(words(bars=corrected_path, dataset="traded", symbol="AAA"))
    newer_bars, newer_features = newest(store, "traded")
    assert len({bars, features, newer_bars, newer_features}) == 4
    return SimpleNamespace(
        path=path,
        corrected_path=corrected_path,
        corrected=corrected,
        bars=bars,
        features=features,
        newer=newer_features,
        moment=int(moment.value),
        options=options,
        published=published,
        run=mlflow.get_run(published.run_id),
    )


def digest(frame):
    return Bars.from_frame(frame, symbol="AAA").digest()


def same_samples(one, other):
    """Whether two trainings read the same rows, bit for bit, through equal scalers."""
    parts = ("train", "validation", "test")
    pairs = [(getattr(one.prepared, part), getattr(other.prepared, part)) for part in parts]
    return all(
        np.array_equal(getattr(a, field), getattr(b, field), equal_nan=True)
        for a, b in pairs
        for field in ("table", "last_rows", "labels")
    )


def test_the_rows_are_those_that_were_known_then(world, frame):
    training = world.published.training
    known = frame[: LAST + 1]
    assert training.bars.digest() == digest(known)
    # Computed from these bars alone: nothing of a later one can be in it.
    columns = np.ascontiguousarray(next(training.bars.series()).values.T)
    assert np.array_equal(
        training.data.table.values, TECHNICAL_1.compute(BarArrays(*columns), History())
    )
    rows = training.prepared.rows
    assert rows.times.max() == known["timestamp"].iloc[-1].to_datetime64()


def test_run_and_contract_say_which_rows(world, frame):
    run, last = world.run, frame["timestamp"][LAST]
    assert run.data.params["snapshot"] == world.features
    assert run.data.params["as_of"] == world.options.as_of
    assert run.data.tags["ordinis.snapshot"] == world.features
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == world.features
    assert used.dataset.name == f"traded as of {world.moment}"
    folder = Path(mlflow.artifacts.download_artifacts(world.published.model_uri))
    contract = json.loads((folder / "contract.json").read_text())
    assert contract["data_snapshot"] == world.features
    assert contract["data_as_of"] == world.moment
    assert contract["data_source"] == "traded"  # and not sp500, the default of bars
    assert contract["data_rows"] == LAST + 1
    assert pd.Timestamp(contract["data_last"], tz="UTC") == last
    assert contract["data_digest"] == digest(frame[: LAST + 1])
    assert json.loads((folder / "scaler.json").read_text())["snapshot"] == world.features


def test_what_the_run_read_is_loaded_back_from_it(world):
    (used,) = world.run.inputs.dataset_inputs
    rows = mlflow.data.get_source(used.dataset).load()
    assert rows["known_at"].max().value <= world.moment
    values = rows[list(TECHNICAL_1.names)].to_numpy()
    assert np.array_equal(values, world.published.training.data.table.values)


def test_a_later_correction_changes_no_earlier_view(world):
    """Of its own snapshot, of the newer one, and read again as the run's settings say."""
    before = world.published.training
    newer = load(dataclasses.replace(world.options, snapshot=world.newer), TINY)
    assert newer.bars.digest() == before.bars.digest()
    assert same_samples(newer, before)
    again = load(*recorded_settings(world.published.run_id))
    assert again.data.as_of == world.moment
    assert same_samples(again, before)


def test_without_a_moment_a_snapshot_is_read_whole(world, frame):
    whole = load(TrainOptions(snapshot=world.features), TINY)
    assert whole.data.as_of is None
    assert whole.bars.digest() == digest(frame)
    newer = load(TrainOptions(snapshot=world.newer), TINY)
    assert newer.bars.digest() == digest(world.corrected)
    assert not same_samples(newer, whole)
    now = pd.Timestamp(time.time_ns(), unit="ns", tz="UTC").isoformat()
    assert same_samples(load(TrainOptions(snapshot=world.newer, as_of=now), TINY), newer)


def test_bars_of_a_file_are_read_as_of_a_moment_too(world):
    options = dataclasses.replace(world.options, snapshot="none", bars=str(world.path))
    training = load(options, TINY)
    assert training.data.features.name != world.features  # a data set for each content of a file
    assert same_samples(training, world.published.training)


def test_a_file_may_state_when_each_row_was_known(world, frame):
    stated = frame.assign(known_at=frame["timestamp"] + pd.Timedelta("1D"))
    late = stated.loc[[300]].assign(
        volume=world.corrected["volume"][300], known_at=pd.Timestamp("2021-02-15", tz="UTC")
    )
    digests = []
    for table in (stated, pd.concat([stated, late])):
        path = world.path.with_name("stated.parquet")
        table.to_parquet(path)
        options = TrainOptions(bars=str(path), symbol="AAA")
        training = load(dataclasses.replace(options, as_of=world.options.as_of), TINY)
        assert same_samples(training, world.published.training)
        digests.append(load(options, TINY).bars.digest())
    assert digests == [digest(frame), digest(world.corrected)]
    # The same bars, known ten days later: another content, although no value differs.
    stated.assign(known_at=frame["timestamp"] + pd.Timedelta("11D")).to_parquet(path)
    training = load(dataclasses.replace(options, as_of=world.options.as_of), TINY)
    assert training.bars.digest() == digest(frame[: LAST + 1 - 10])


def test_what_cannot_be_read_is_refused_before_there_is_a_run(world, store, run_ids):
    # Of a feature set that no flow knows: it is written through the store itself.
    small = FeatureSet("small", 1, TECHNICAL_1.features[:2])
    other = store_materialize(store, world.bars, small).name
    options, before = world.options, (run_ids(), files(store))
    for error, reason, wrong in (
        (InvalidConfig, r"holds small@1, and not technical@1: pass features=", {"snapshot": other}),
        (InvalidConfig, "holds bars; materialize features of it first", {"snapshot": world.bars}),
        (UnknownSnapshot, "has no snapshot 'f{32}'", {"snapshot": "f" * 32}),
        (TooFewBars, "choose a later moment", {"as_of": "2020-01-01T00:00Z"}),
        (TooFewBars, "AAA", {"as_of": "2020-05-05T00:00Z"}),
    ):
        with pytest.raises(error, match=reason):
            train(dataclasses.replace(options, **wrong), TINY)
    with pytest.raises(InvalidConfig, match="as_of 'yesterday' is not a time"):
        dataclasses.replace(options, as_of="yesterday")
    assert (run_ids(), files(store)) == before


def test_a_snapshot_of_another_store_is_not_there(world, run_ids, tmp_path):
    before = run_ids()
    with own_store(tmp_path), pytest.raises(UnknownSnapshot, match=world.features):
        train(world.options, TINY)
    assert run_ids() == before
