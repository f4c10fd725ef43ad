"""MLflow's own names: save, log, load, and pyfunc beside them."""

import json
from dataclasses import replace

import mlflow
import numpy as np
import onnx
import pytest
import yaml
from folders import FILES
from mlflow.exceptions import MlflowException

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig, ManifestMismatch
from ordinis_mlflow.flavor.package import read_package
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.graph.quantize import convert_fp16
from ordinis_mlflow.graph.session import GraphSession, SessionSettings
from ordinis_mlflow.network import load_checkpoint
from ordinis_mlflow.signal import largest_difference

CPU = SessionSettings(provider="cpu", threads=1)


@pytest.fixture(scope="module")
def two_graphs(small_package):
    """The package with a second graph under the name int8: its band and its head are others."""
    model = onnx.load_from_string(small_package.graphs["float32"])
    for each in model.graph.initializer:
        if each.data_type == onnx.TensorProto.FLOAT and np.prod(each.dims) > 100:
            each.raw_data = (onnx.numpy_helper.to_array(each) * np.float32(0.9)).tobytes()
    content = model.SerializeToString()
    expected = {
        **small_package.probe.expected,
        "int8": GraphSession(content, CPU).run(small_package.probe.bars),
    }
    return replace(
        small_package,
        graphs={**small_package.graphs, "int8": content},
        probe=Probe(small_package.probe.bars, expected),
    )


def test_read_package_is_what_was_written(small_package, saved_package):
    read = read_package(saved_package)
    assert dict(read.graphs) == dict(small_package.graphs)
    assert read.scaler == small_package.scaler
    assert read.contract == small_package.contract
    assert read.checkpoint == small_package.checkpoint
    np.testing.assert_array_equal(read.probe.bars, small_package.probe.bars)
    expected = small_package.probe.expected["float32"]
    assert largest_difference(read.probe.expected["float32"], expected) == 0.0


def test_checkpoint_of_the_package_can_be_trained_on(saved_package, small_checkpoint):
    loaded = load_checkpoint(saved_package / "checkpoint.safetensors")
    assert loaded.state.epochs == small_checkpoint.state.epochs


def test_same_package_gives_the_same_files(small_package, saved_package, tmp_path):
    flavor.save_model(small_package, tmp_path / "model")
    for name in set(FILES) - {"MLmodel", "manifest.json"}:  # MLmodel has an id and a time
        assert (tmp_path / "model" / name).read_bytes() == (saved_package / name).read_bytes(), name


def test_loaded_model_answers_as_the_graph(small_model, small_package, small_windows):
    direct = GraphSession(small_package.graphs["float32"], CPU).run(small_windows)
    assert largest_difference(small_model.predict(small_windows), direct) <= 1e-6


def test_pyfunc_answers_the_same(saved_package, small_model, small_windows):
    served = mlflow.pyfunc.load_model(str(saved_package))
    ours = small_model.predict(small_windows).records()
    assert len(ours) == len(small_windows)
    for data in (small_windows, {"bars": small_windows}):
        theirs = served.predict(data)
        assert [list(record) for record in theirs] == [list(record) for record in ours]
        for left, right in zip(theirs, ours, strict=True):
            assert left == pytest.approx(right, rel=1e-5, abs=1e-7)
    assert json.loads(json.dumps(theirs)) == theirs  # plain numbers


def test_description_states_flavors_and_signature(saved_package, small_package):
    described = yaml.safe_load((saved_package / "MLmodel").read_text())
    ours, pyfunc = described["flavors"]["ordinis"], described["flavors"]["python_function"]
    assert (ours["format"], ours["files"]) == (1, {"float32": "model.onnx"})
    assert pyfunc["loader_module"] == "ordinis_mlflow.flavor"
    assert "code" not in pyfunc
    signature = mlflow.models.get_model_info(str(saved_package)).signature
    assert signature.inputs.inputs[0].shape == (-1, small_package.contract.lookback, 5)
    names = ["mean", "scale", "probability_up", "direction", "strength"]
    assert signature.outputs.input_names() == names


def test_requirements_are_pinned_and_have_no_training_library(saved_package):
    lines = (saved_package / "requirements.txt").read_text().splitlines()
    assert lines[-1] == f"wheels/{(next((saved_package / 'wheels').iterdir())).name}"
    assert all("==" in line for line in lines[:-1])
    distributions = {line.split("==")[0] for line in lines[:-1]}
    assert not distributions & {"torch", "onnx", "scipy", "arch", "matplotlib", "onnxscript"}
    assert {"mlflow", "numpy", "pandas", "array-api-compat"} <= distributions
    assert flavor.get_default_pip_requirements() == lines[:-1]
    dependencies = flavor.get_default_conda_env()["dependencies"]
    assert any("pip" in each for each in dependencies if isinstance(each, dict))


def test_precision_is_chosen_at_load(two_graphs, small_windows, tmp_path):
    flavor.save_model(two_graphs, tmp_path / "model")
    uri = str(tmp_path / "model")
    plain, small = flavor.load_model(uri), flavor.load_model(uri, precision="int8")
    assert (plain.precision, small.precision) == ("float32", "int8")
    assert largest_difference(small.predict(small_windows), plain.predict(small_windows)) > 0
    served = mlflow.pyfunc.load_model(uri, model_config={"precision": "int8"})
    mean = [record["mean"] for record in served.predict(small_windows)]
    assert mean == pytest.approx(small.predict(small_windows).mean.tolist(), rel=1e-5)


def test_precision_that_pyfunc_loads_is_saved(two_graphs, tmp_path):
    flavor.save_model(two_graphs, tmp_path / "model", precision="int8")
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert served._model_impl.model.precision == "int8"


def test_settings_reach_the_session(saved_package):
    served = mlflow.pyfunc.load_model(
        str(saved_package), model_config={"provider": "cpu", "threads": 2, "chunk_size": 3}
    )
    settings = served._model_impl.model._session.settings
    assert (settings.provider, settings.threads, settings.chunk_size) == ("cpu", 2, 3)
    with pytest.raises(InvalidConfig, match="threads"):
        flavor._load_pyfunc(str(saved_package), {"threads": -1})


def test_graph_too_small_to_convert_says_so(small_package):
    from ordinis_mlflow.errors import QuantizationError

    with pytest.raises(QuantizationError):
        convert_fp16(onnx.load_from_string(small_package.graphs["float32"]))


def test_logged_model_is_registered_and_loads_by_alias(
    small_package, small_windows, small_model, tracking_store
):
    with mlflow.start_run():
        info = flavor.log_model(small_package, registered_model_name="flavor-test")
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("flavor-test", "champion", info.registered_model_version)
    expected = small_model.predict(small_windows[:5])
    for uri in (info.model_uri, "models:/flavor-test@champion", "models:/flavor-test/1"):
        model = flavor.load_model(uri)
        assert largest_difference(model.predict(small_windows[:5]), expected) <= 1e-6
    served = mlflow.pyfunc.load_model("models:/flavor-test@champion")
    assert len(served.predict({"bars": small_windows[:5]})) == 5


def test_folder_that_holds_something_is_refused(small_package, tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(MlflowException, match="exists and is not empty"):
        flavor.save_model(small_package, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_empty_folder_and_new_parents_are_accepted(small_package, tmp_path):
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "a" / "b" / "model"):
        flavor.save_model(small_package, str(target))
        assert (target / "manifest.json").exists()
        assert [path.name for path in target.parent.glob("*.partial")] == []


STEPS = (
    "description.pack_wheel",
    "description.write_environment",
    "description.describe",
    "write_manifest",
)


@pytest.mark.parametrize("step", STEPS)
def test_failure_on_the_way_leaves_nothing(small_package, tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(f"ordinis_mlflow.flavor.{step}", fail)
    with pytest.raises(OSError, match="no space"):
        flavor.save_model(small_package, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert list(tmp_path.iterdir()) == []


def test_saving_after_a_failure_works(small_package, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(flavor, "write_manifest", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            flavor.save_model(small_package, tmp_path / "model")
    flavor.save_model(small_package, tmp_path / "model")
    flavor.load_model(str(tmp_path / "model"))


def test_a_drift_reference_is_a_file_of_the_package_and_old_packages_have_none(
    small_package, saved_package, tmp_path
):
    assert not (saved_package / "drift.npz").exists()  # two symbols of 420 bars are too few
    assert read_package(saved_package).drift == b""
    flavor.save_model(replace(small_package, drift=b"as it is"), tmp_path / "model")
    assert read_package(tmp_path / "model").drift == b"as it is"
    assert flavor.load_model(str(tmp_path / "model")).drift == b"as it is"
    listed = json.loads((tmp_path / "model" / "manifest.json").read_text())["files"]
    assert listed["drift.npz"]["size"] == len(b"as it is")
    (tmp_path / "model" / "drift.npz").write_bytes(b"other")
    with pytest.raises(ManifestMismatch, match=r"drift\.npz was changed"):
        flavor.load_model(str(tmp_path / "model"))
