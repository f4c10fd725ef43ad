"""A package that is not as it was written is refused, each fault under its own name."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from folders import FILES, copied, rewrite_bytes, rewrite_json, rewrite_probe

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import (
    InvalidConfig,
    InvalidContract,
    ManifestMismatch,
    OrdinisError,
    PackageError,
    ProbeFailed,
    ScalerMismatch,
    UnsupportedFormat,
)
from ordinis_mlflow.flavor.manifest import write_manifest


@pytest.fixture
def folder(saved_package, tmp_path):
    return copied(saved_package, tmp_path)


def load(folder, **kwargs):
    return flavor.load_model(str(folder), **kwargs)


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_files_are_those_that_are_tampered_with_here(saved_package):
    assert names(saved_package) == set(FILES)


def test_untouched_copy_loads(folder):
    assert load(folder).precision == "float32"


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_refused(folder, name):
    path = folder / name
    content = path.read_bytes()
    for position in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ManifestMismatch) as caught:
            load(folder)
        if name != "manifest.json":
            assert f"{name} was changed after the model was logged" in str(caught.value)
    assert isinstance(caught.value, PackageError)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ManifestMismatch, match=rf"{name} is .*missing"):
        load(folder)


@pytest.mark.parametrize("name", FILES)
def test_truncated_file_is_refused(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1] if name != "manifest.json" else b"{")
    with pytest.raises(ManifestMismatch):
        load(folder)


@pytest.mark.parametrize(
    "name",
    ["extra.txt", "model.int8.onnx", "wheels/other.whl", ".hidden", "a/registered_model_meta"],
)
def test_extra_file_is_refused(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    with pytest.raises(ManifestMismatch, match=rf"{name} is not listed.*added afterwards"):
        load(folder)


def test_file_that_mlflow_writes_on_download_is_tolerated(folder):
    (folder / "registered_model_meta").write_text("model_name: sp500\nmodel_version: '1'\n")
    assert load(folder).precision == "float32"


@pytest.mark.parametrize("number", [2, 999])
def test_other_format_is_refused_with_both_numbers(folder, number):
    rewrite_json(folder / "contract.json", format=number)
    with pytest.raises(UnsupportedFormat, match=rf"package format {number}, .* reads 1"):
        load(folder)


@pytest.mark.parametrize("field", ["center", "scale"])
def test_scaler_that_is_not_the_graphs_is_refused(folder, field):
    values = json.loads((folder / "scaler.json").read_text())[field]
    values[3] = float(np.nextafter(values[3], np.inf))  # the last bit counts
    rewrite_json(folder / "scaler.json", **{field: values})
    with pytest.raises(ScalerMismatch, match=f"differ in {field}") as caught:
        load(folder)
    assert repr(values[3]) in str(caught.value)


def test_scaler_of_fewer_features_is_refused(folder):
    read = json.loads((folder / "scaler.json").read_text())
    cut = {name: read[name][:-1] for name in ("names", "center", "scale")}
    rewrite_json(folder / "scaler.json", **cut)
    with pytest.raises(ScalerMismatch):
        load(folder)


def test_scaler_of_features_with_other_names_is_refused(folder):
    read = json.loads((folder / "scaler.json").read_text())
    rewrite_json(folder / "scaler.json", names=read["names"][::-1])
    with pytest.raises((ScalerMismatch, InvalidContract)):
        load(folder)


def shifted(folder, name, by):
    with np.load(folder / "probe.npz", allow_pickle=False) as archive:
        values = archive[name].copy()
    values[2] += by
    return {name: values}


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("float32_mean", 0.01),
        ("float32_scale", 0.001),
        ("float32_probability_up", 0.001),
        ("float32_strength", 0.001),
        ("float32_mean", np.nan),
        ("float32_probability_up", np.inf),
    ],
)
def test_other_answers_to_the_probe_are_refused(folder, name, by):
    rewrite_probe(folder / "probe.npz", **shifted(folder, name, by))
    with pytest.raises(ProbeFailed, match=r"limit 0\.0001, provider CPUExecutionProvider"):
        load(folder)


def test_other_bars_in_the_probe_are_refused(folder):
    with np.load(folder / "probe.npz", allow_pickle=False) as archive:
        bars = archive["bars"][::-1].copy()
    rewrite_probe(folder / "probe.npz", bars=bars)
    with pytest.raises(ProbeFailed):
        load(folder)


def test_graph_of_another_model_is_refused(folder, small_package):
    model = onnx.load_from_string(small_package.graphs["float32"])
    for each in model.graph.initializer:
        if each.data_type == onnx.TensorProto.FLOAT and np.prod(each.dims) > 100:
            each.raw_data = (onnx.numpy_helper.to_array(each) * np.float32(1.5)).tobytes()
    rewrite_bytes(folder / "model.onnx", model.SerializeToString())
    with pytest.raises(ProbeFailed):
        load(folder)


@pytest.mark.parametrize("missing", ["bars", "float32_mean", "float32_direction"])
def test_probe_without_an_array_is_refused(folder, missing):
    rewrite_probe(folder / "probe.npz", **{missing: None})
    with pytest.raises(OrdinisError):
        load(folder)


@pytest.mark.parametrize(
    "bars", [np.ones(3), np.ones((2, 7, 5)), np.ones((2, 131, 4)), np.array(["a"])]
)
def test_probe_of_another_shape_is_refused(folder, bars):
    rewrite_probe(folder / "probe.npz", bars=bars)
    with pytest.raises(OrdinisError):
        load(folder)


def test_probe_with_fewer_answers_than_windows_is_refused(folder):
    with np.load(folder / "probe.npz", allow_pickle=False) as archive:
        fewer = {name: values[:3] for name, values in archive.items() if name != "bars"}
    rewrite_probe(folder / "probe.npz", **fewer)
    with pytest.raises(OrdinisError):
        load(folder)


def test_probe_without_windows_is_refused(folder):
    with np.load(folder / "probe.npz", allow_pickle=False) as archive:
        empty = {name: values[:0] for name, values in archive.items()}
    rewrite_probe(folder / "probe.npz", **empty)
    # In a process of its own: ONNX Runtime's LSTM aborts the process on a batch of no windows.
    code = (
        "import sys\nfrom ordinis_mlflow import errors, flavor\n"
        "try: flavor.load_model(sys.argv[1])\n"
        "except errors.OrdinisError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "refused\n")


@pytest.mark.parametrize("precision", ["int8", "fp16", "float64", ""])
def test_precision_that_is_not_there_is_refused(folder, precision):
    with pytest.raises(InvalidConfig, match=rf"no '{precision}' graph; it has \['float32'\]"):
        load(folder, precision=precision)


@pytest.mark.parametrize("name", ["contract.json", "scaler.json", "probe.npz"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"PK\x03\x04"])
def test_unreadable_file_is_refused_although_listed(folder, name, content):
    rewrite_bytes(folder / name, content)
    with pytest.raises(InvalidContract):
        load(folder)


@pytest.mark.parametrize(
    "name", ["contract.json", "scaler.json", "probe.npz", "checkpoint.safetensors", "model.onnx"]
)
def test_missing_file_is_refused_although_unlisted(folder, name):
    (folder / name).unlink()
    write_manifest(folder)
    with pytest.raises(OrdinisError):
        load(folder)


@pytest.mark.parametrize("change", [{"sequence_length": 13}, {"feature_lookback": 3}])
def test_contract_with_another_lookback_than_the_graph_is_refused(folder, change):
    rewrite_json(folder / "contract.json", **change)
    with pytest.raises(OrdinisError):
        load(folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {"a": {}}}', "null"]
)
def test_manifest_that_is_none_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ManifestMismatch, match=r"manifest\.json is missing or unreadable"):
        load(folder)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(ManifestMismatch):
        load(tmp_path)


def test_graph_is_not_read_again_after_its_digest_was_checked(folder, small_windows):
    model = load(folder)
    before = model.predict(small_windows[:6])
    os.truncate(folder / "model.onnx", 10)
    np.testing.assert_array_equal(model.predict(small_windows[:6]).mean, before.mean)
