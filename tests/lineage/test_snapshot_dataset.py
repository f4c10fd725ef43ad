"""A snapshot as MLflow's dataset: in a run's inputs, and loaded back from there."""

import json
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from ordinis_mlflow.errors import DamagedSnapshot, TooFewBars, UnknownSnapshot
from ordinis_mlflow.lineage.snapshot import SOURCE_TYPE, SnapshotDataset, SnapshotSource
from ordinis_mlflow.store import read, read_manifest


def logged(dataset):
    """The dataset as MLflow keeps it, out of a finished run."""
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
    (used,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    return used.dataset


@pytest.fixture
def manifest(history):
    return read_manifest(history.store.files, history.new.features)


@pytest.mark.parametrize("as_of", [None, pd.Timestamp("2021-01-15", tz="UTC").value])
def test_rows_are_loaded_back_from_a_run(as_of, manifest, history):
    files = history.store.files
    kept = logged(SnapshotDataset(files.url, manifest, as_of))
    assert (kept.source_type, kept.digest) == (SOURCE_TYPE, manifest.name)
    source = mlflow.data.get_source(kept)
    assert isinstance(source, SnapshotSource)
    rows = source.load()
    wanted = read(files, manifest.name) if as_of is None else read(files, manifest.name, as_of)
    pd.testing.assert_frame_equal(rows, wanted.frame, check_exact=True)
    assert (as_of is None) == (rows["known_at"].max() > pd.Timestamp("2021-01-15", tz="UTC"))


def test_two_moments_of_one_snapshot_do_not_pass_for_each_other(manifest, history):
    """MLflow keeps what it first heard of a name and digest, and drops what it hears later."""
    days = (pd.Timestamp(day, tz="UTC").value for day in ("2020-12-01", "2020-12-15"))
    for as_of in (None, *days):
        kept = logged(SnapshotDataset(history.store.files.url, manifest, as_of))
        assert mlflow.data.get_source(kept).as_of == as_of


def test_schema_and_profile_say_what_is_in_it(manifest, history):
    kept = logged(SnapshotDataset(history.store.files.url, manifest))
    schema = json.loads(kept.schema)["mlflow_colspec"]
    columns = {each["name"]: each["type"] for each in schema}
    frame = read(history.store.files, manifest.name).frame
    assert list(columns) == list(frame.columns)
    assert columns["symbol"] == "string"
    assert columns["timestamp"] == columns["known_at"] == "datetime"
    assert {columns[name] for name in manifest.columns} == {"double"}
    assert json.loads(kept.profile) == {
        "revisions": manifest.rows,
        "features": "technical@1",
        "bars": history.new.bars,
        "left_out": [],
    }


def test_what_cannot_be_loaded_back_says_why(history, tmp_path):
    url, name = history.store.files.url, history.new.features
    with pytest.raises(UnknownSnapshot, match="has no snapshot"):
        SnapshotSource(str(tmp_path), name).load()
    with pytest.raises(TooFewBars, match="choose a later moment"):
        SnapshotSource(url, name, 0).load()
    copy = tmp_path / "copy"
    for path in (path for path in Path(url).rglob("*.*") if path.is_file()):
        target = copy / path.relative_to(url)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        target.write_bytes(content if path.suffix == ".json" else content[:-1])
    with pytest.raises(DamagedSnapshot):
        SnapshotSource(str(copy), name).load()


def test_a_bare_text_is_never_taken_for_a_snapshot(history):
    """Else it would compete with files and URLs for every text that MLflow is given."""
    assert not SnapshotSource._can_resolve(history.new.features)
    source = SnapshotSource("/store", "name", np.int64(5).item())
    assert SnapshotSource.from_json(source.to_json()).to_dict() == source.to_dict()


def test_mlflow_registers_the_plugin_while_it_is_imported():
    """Without a warning, and without the store's libraries: every ``import mlflow`` pays for it."""
    program = (
        "import mlflow, sys\n"
        "from mlflow.data.dataset_source_registry import _dataset_source_registry as known\n"
        f"assert {SOURCE_TYPE!r} in [each._get_source_type() for each in known.sources]\n"
        "assert not {'fsspec', 'torch', 'ordinis_mlflow.store'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
