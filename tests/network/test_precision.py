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


def test_cpu_gets_bf16(bf16_on_gpu):
    precision = Precision.choose(CPU, mixed=True)
    assert precision == Precision(torch.bfloat16)
    assert not precision.scales_loss
    with precision.autocast(CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("device", [CPU, GPU])
def test_off_means_float32(device, bf16_on_gpu):
    precision = Precision.choose(device, mixed=False)
    assert precision == Precision(None)
    assert not precision.scales_loss
    assert isinstance(precision.autocast(device), contextlib.nullcontext)
