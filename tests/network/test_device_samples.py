"""Batches on the device are the samples' windows."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.features import Samples
from ordinis_mlflow.network.dataset import DeviceSamples

CPU = torch.device("cpu")


def made(steps, rows, picks):
    table = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    last_rows = np.array([steps - 1 + pick % (rows - steps + 1) for pick in picks])
    return Samples(table, last_rows, np.arange(len(picks), dtype=np.float32), steps)


def joined(batches):
    windows, labels = zip(*batches, strict=True)
    return torch.cat(windows).numpy(), torch.cat(labels).numpy()


@given(
    steps=st.integers(1, 6),
    more=st.integers(0, 9),
    picks=st.lists(st.integers(0, 100), min_size=1, max_size=20),
    batch=st.integers(1, 25),
)
def test_in_order_gives_the_windows_in_order(steps, more, picks, batch):
    data = made(steps, steps + more, picks)
    device = DeviceSamples(data, CPU)
    batches = list(device.in_order(batch))
    windows, labels = joined(batches)
    assert len(device) == len(picks)
    np.testing.assert_array_equal(windows, data.batch(np.arange(len(picks))))
    np.testing.assert_array_equal(labels, data.labels)
    assert all(len(each) == batch for _, each in batches[:-1])


@given(picks=st.lists(st.integers(0, 100), min_size=1, max_size=20), seed=st.integers(0, 2**32))
def test_shuffled_gives_every_window_once_with_its_label(picks, seed):
    data = made(3, 12, picks)
    torch.manual_seed(seed)
    windows, labels = joined(DeviceSamples(data, CPU).shuffled(4))
    assert sorted(labels) == sorted(data.labels)
    np.testing.assert_array_equal(windows, data.batch(labels.astype(int)))


def test_shuffled_order_depends_on_torchs_seed():
    device = DeviceSamples(made(3, 60, range(50)), CPU)
    orders = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        orders.append(joined(device.shuffled(8))[1])
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_windows_keep_their_type(batch):
    windows, labels = next(DeviceSamples(made(3, 12, range(9)), CPU).in_order(batch))
    assert windows.dtype == labels.dtype == torch.float32
    assert windows.shape == (min(batch, 9), 3, 2)
