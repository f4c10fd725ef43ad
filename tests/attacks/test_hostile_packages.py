"""Packages made to do harm: refused with a plain word, and nothing of theirs is ever run."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidContract, ManifestMismatch, OrdinisError
from ordinis_mlflow.flavor.manifest import write_manifest


@pytest.fixture
def folder(saved_package, tmp_path):
    return shutil.copytree(saved_package, tmp_path / "hostile")


def load(folder):
    return flavor.load_model(str(folder))


def planted(folder, name):
    """A Python package that tells when it is imported."""
    marker = folder.parent / "imported"
    target = folder / name
    target.mkdir(parents=True)
    (target / "__init__.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    return marker


PLANTED = ["code", "code/ordinis_mlflow", "ordinis_mlflow", "numpy", "wheels/ordinis_mlflow"]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_code_is_refused_and_never_imported(folder, name):
    marker = planted(folder, name)
    with pytest.raises(ManifestMismatch, match=r"__init__\.py is not listed"):
        load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("name", PLANTED)
def test_planted_code_that_is_listed_is_never_imported(folder, name):
    marker = planted(folder, name)
    write_manifest(folder)
    code = (
        "import sys\nfrom ordinis_mlflow import errors, flavor\n"
        "try: flavor.load_model(sys.argv[1])\nexcept errors.OrdinisError: pass\n"
        "import ordinis_mlflow, numpy\n"
        "assert not any(sys.argv[1] in entry for entry in sys.path)\n"
        "assert sys.argv[1] not in ordinis_mlflow.__file__ + numpy.__file__\n"
    )
    if name == PLANTED[0]:  # one process is enough to look at the path
        subprocess.run([sys.executable, "-c", code, folder], check=True)
    path = list(sys.path)
    with contextlib.suppress(OrdinisError):
        load(folder)
    assert sys.path == path
    assert not marker.exists()


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_pickle_in_the_probe_is_refused_and_never_run(folder):
    with np.load(folder / "probe.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    marker = folder.parent / "unpickled"
    for name in ("bars", "float32_mean", "other"):
        bomb = np.array([Bomb(marker)], dtype=object)
        np.savez(folder / "probe.npz", allow_pickle=True, **(arrays | {name: bomb}))
        write_manifest(folder)
        with pytest.raises(InvalidContract, match=r"probe\.npz is not a probe"):
            load(folder)
    assert not marker.exists()


def test_pickle_in_place_of_any_file_is_refused_and_never_run(folder):
    import pickle

    marker = folder.parent / "unpickled"
    for name in ("probe.npz", "scaler.json", "contract.json", "model.onnx"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(pickle.dumps(Bomb(marker), protocol=0))
        write_manifest(folder)
        with pytest.raises(OrdinisError):
            load(folder)
        (folder / name).write_bytes(content)
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x00" * 1000, b"\x08\x09\x12\x00"])
def test_graph_that_is_garbage_is_refused_in_our_words(folder, content):
    (folder / "model.onnx").write_bytes(content)
    write_manifest(folder)
    with pytest.raises(OrdinisError):
        load(folder)


def test_graph_that_is_another_model_is_refused_in_our_words(folder):
    import onnx

    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "other", [value], [out])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10
    )
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    write_manifest(folder)
    with pytest.raises(OrdinisError):
        load(folder)


@pytest.mark.parametrize(
    "name", ["../x", "../../etc/passwd", "/etc/passwd", "a/../../x", "..", "~"]
)
def test_names_in_the_manifest_that_lead_out_are_refused(folder, name):
    (folder.parent / "x").write_bytes(b"outside")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "size": 7}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ManifestMismatch, match="missing"):
        load(folder)


def outside(folder):
    target = folder.parent / "outside"
    target.mkdir()
    (target / "__init__.py").write_text("")
    (target / "file").write_text("x")
    return target


def test_link_to_a_file_outside_is_refused(folder):
    (folder / "extra").symlink_to(outside(folder) / "file")
    with pytest.raises(ManifestMismatch, match="extra is not listed"):
        load(folder)


@pytest.mark.parametrize("name", ["code", "ordinis_mlflow"])
def test_link_to_a_folder_outside_is_refused(folder, name):
    (folder / name).symlink_to(outside(folder), target_is_directory=True)
    with pytest.raises(ManifestMismatch):
        load(folder)


def test_listed_file_replaced_by_a_link_to_other_content_is_refused(folder):
    target = outside(folder) / "file"
    (folder / "scaler.json").unlink()
    (folder / "scaler.json").symlink_to(target)
    with pytest.raises(ManifestMismatch, match=r"scaler\.json is a symbolic link"):
        load(folder)


@pytest.mark.parametrize("name", ["scaler.json", "missing-target"])
def test_link_that_leads_nowhere_or_in_a_circle_is_refused(folder, name):
    (folder / "scaler.json").unlink()
    (folder / "scaler.json").symlink_to(folder / name)
    with pytest.raises(ManifestMismatch):
        load(folder)


HUGE = {
    "deep list": b"[" * 1_000_000,
    "deep object": b'{"a":' * 500_000,
    "long number": b'{"format": ' + b"9" * 1_000_000 + b"}",
    "float overflow": b'{"files": 1e999999999}',
    "long text": b'{"files": "' + b"x" * 5_000_000 + b'"}',
    "many entries": json.dumps({"files": {str(i): 0 for i in range(200_000)}}).encode(),
    "bytes": bytes(range(256)) * 4000,
}


@pytest.mark.parametrize("kind", HUGE)
@pytest.mark.parametrize("name", ["scaler.json", "contract.json"])
def test_huge_json_is_refused(folder, name, kind):
    (folder / name).write_bytes(HUGE[kind])
    write_manifest(folder)
    with pytest.raises(InvalidContract):
        load(folder)


@pytest.mark.parametrize("kind", HUGE)
def test_huge_manifest_is_refused(folder, kind):
    (folder / "manifest.json").write_bytes(HUGE[kind])
    with pytest.raises(ManifestMismatch):
        load(folder)


NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999", "null", '"1"', "[]", "true"]


@pytest.mark.parametrize("number", NUMBERS)
def test_scaler_with_numbers_that_are_none_is_refused(folder, number):
    values = json.loads((folder / "scaler.json").read_text())
    values["scale"][0] = "HERE"
    (folder / "scaler.json").write_text(json.dumps(values).replace('"HERE"', number))
    write_manifest(folder)
    with pytest.raises(OrdinisError):
        load(folder)


def test_our_loader_does_not_follow_the_code_that_mlmodel_names(folder):
    marker = planted(folder, "code/evil")
    text = (folder / "MLmodel").read_text()
    changed = text.replace(
        "loader_module: ordinis_mlflow.flavor", "loader_module: evil\n    code: code"
    )
    assert changed != text
    (folder / "MLmodel").write_text(changed)
    write_manifest(folder)
    load(folder)  # the manifest is consistent; what MLmodel says is not asked
    assert not marker.exists()
    assert "evil" not in sys.modules


def test_fifo_in_the_folder_does_not_hang(folder):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    os.mkfifo(folder / "pipe")
    with pytest.raises(ManifestMismatch, match="pipe is not listed"):  # and nothing opens it
        load(folder)
