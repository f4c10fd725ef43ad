"""Which type runs where, and when the loss needs scaling."""

import contextlib

import pytest
import torch

from ordinis_mlflow.network.precision import Precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(params=[True, False])
def bf16_on_gpu(request, monkeypatch):
    def supported(including_emulation=True):
        assert not including_emulation, "an emulated bf16 is slower than fp16"
        return request.param

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    return request.param


def test_gpu_without_bf16_gets_fp16_and_a_scaled_loss(bf16_on_gpu):
    precision = Precision.choose(GPU, mixed=True)
    assert precision.dtype is (torch.bfloat16 if bf16_on_gpu else torch.float16)
    assert precision.scales_loss is not bf16_on_gpu


@pytest.mark.parametrize("has_bf16", [True, False])
def test_cpu_gets_bf16_where_it_has_it(has_bf16, monkeypatch):
    monkeypatch.setattr("ordinis_mlflow.network.precision._cpu_has_bf16", lambda: has_bf16)
    precision = Precision.choose(CPU, mixed=True)
    assert precision == Precision(torch.bfloat16 if has_bf16 else None)
    assert not precision.scales_loss
    with precision.autocast(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if has_bf16 else torch.float32)


def test_what_is_chosen_for_this_cpu_runs_an_lstm_forward_and_back():
    lstm = torch.nn.LSTM(5, 8, batch_first=True)
    with Precision.choose(CPU, mixed=True).autocast(CPU):
        output, _ = lstm(torch.ones(4, 10, 5))
    output.float().sum().backward()
    assert torch.isfinite(lstm.weight_hh_l0.grad).all()


@pytest.mark.parametrize("device", [CPU, GPU])
def test_off_means_float32(device, bf16_on_gpu):
    precision = Precision.choose(device, mixed=False)
    assert precision == Precision(None)
    assert not precision.scales_loss
    assert isinstance(precision.autocast(device), contextlib.nullcontext)
