"""The Open Inference Protocol, spoken to by a client that is not ours."""

import json
import struct

import numpy as np
import pytest
import requests
from signal_server import serving
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from ordinis_mlflow.graph.session import INPUT
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.signal import Signal


@pytest.fixture(scope="module")
def server(saved_package):
    with serving(ServingSettings(str(saved_package))) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as speaking:
        yield speaking


@pytest.fixture(scope="module")
def name(server, small_windows):
    answer = server.post({"inputs": small_windows[:1].tolist()})
    return answer.headers["x-ordinis-model"].split("/")[0]


def tensor(windows, binary, kind="FP64"):
    given = triton.InferInput(INPUT, list(windows.shape), kind)
    given.set_data_from_numpy(windows, binary_data=binary)
    return given


def infer_url(server, name):
    return f"{server.url}/v2/models/{name}/infer"


def test_health_and_metadata(client, name, small_model):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(name)
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    described = client.get_model_metadata(name)
    shape = [-1, small_model.contract.lookback, 5]
    assert described["inputs"] == [{"name": INPUT, "datatype": "FP64", "shape": shape}]
    assert [each["name"] for each in described["outputs"]] == list(Signal.names())
    version = described["versions"][0]
    assert client.is_model_ready(name, version)
    assert client.get_model_metadata(name, version) == described


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_signals_are_the_models(client, name, small_model, small_windows, binary_in, binary_out):
    asked = [triton.InferRequestedOutput(each, binary_data=binary_out) for each in Signal.names()]
    answer = client.infer(name, [tensor(small_windows, binary_in)], outputs=asked, request_id="r1")
    assert answer.get_response()["id"] == "r1"
    for field, values in small_model.predict(small_windows).columns():
        got = answer.as_numpy(field)
        assert got.dtype == values.dtype
        np.testing.assert_allclose(got, values, rtol=1e-5, atol=1e-7)


def test_all_outputs_come_where_none_is_named_and_only_those_that_are(client, name, small_windows):
    every = client.infer(name, [tensor(small_windows[:2], True)]).get_response()["outputs"]
    assert [each["name"] for each in every] == list(Signal.names())
    wanted = [triton.InferRequestedOutput("mean")]
    one = client.infer(name, [tensor(small_windows[:2], True)], outputs=wanted).get_response()
    assert [each["name"] for each in one["outputs"]] == ["mean"]


def test_single_precision_is_taken(client, name, small_model, small_windows):
    windows = small_windows[:3].astype(np.float32)
    answer = client.infer(name, [tensor(windows, True, "FP32")])
    expected = small_model.predict(windows.astype(np.float64))
    np.testing.assert_allclose(answer.as_numpy("scale"), expected.scale, rtol=1e-5)


def test_another_model_input_or_output_is_refused(client, name, small_windows):
    with pytest.raises(InferenceServerException, match="is not served here"):
        client.infer("another", [tensor(small_windows, True)])
    with pytest.raises(InferenceServerException, match="is not served here"):
        client.infer(name, [tensor(small_windows, True)], model_version="99")
    wanted = [triton.InferRequestedOutput("price")]
    with pytest.raises(InferenceServerException, match="outputs are"):
        client.infer(name, [tensor(small_windows, True)], outputs=wanted)
    with pytest.raises(InferenceServerException, match="shape of bars"):
        client.infer(name, [tensor(small_windows[:, 1:], True)])
    broken = small_windows.copy()
    broken[0, 0, 1] = -1.0
    with pytest.raises(InferenceServerException, match="high"):
        client.infer(name, [tensor(broken, True)])


def request_of(windows, **changes):
    plain = {"name": INPUT, "shape": list(windows.shape), "datatype": "FP64"}
    return {"inputs": [{**plain, "data": windows.ravel().tolist(), **changes}]}


@pytest.mark.parametrize(
    "changes",
    [
        {"data": [1.0]},
        {"data": ["1.0"]},
        {"data": [True]},
        {"data": [[1.0], 2.0]},
        {"data": [1e308, 10**400]},
        {"shape": [-1, 5, 5]},
        {"shape": [2**62, 2**62, 2**62]},
        {"shape": []},
        {"datatype": "BYTES"},
        {"name": "prices"},
        {"parameters": {"binary_data_size": -8}, "data": []},
    ],
)
def test_wrong_tensors_get_one_line(server, name, small_windows, changes):
    answer = requests.post(infer_url(server, name), json=request_of(small_windows[:1], **changes))
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("length", ["abc", "-1", "999999999999999999999", "0", "5"])
def test_a_wrong_length_of_the_json_is_refused(server, name, small_windows, length):
    body = json.dumps(request_of(small_windows[:1])).encode() + struct.pack("<d", 1.0)
    headers = {"Inference-Header-Content-Length": length}
    answer = requests.post(infer_url(server, name), body, headers=headers)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_nested_data_is_read_as_flat_is(server, name, small_windows):
    flat, nested = (
        requests.post(infer_url(server, name), json=request_of(small_windows[:2], data=data))
        for data in (small_windows[:2].ravel().tolist(), small_windows[:2].tolist())
    )
    assert flat.status_code == nested.status_code == 200
    assert flat.json()["outputs"] == nested.json()["outputs"]
