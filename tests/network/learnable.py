"""Samples that a network can learn, and networks of known weights."""

import numpy as np
import torch

from ordinis_mlflow.features import Samples
from ordinis_mlflow.network import LSTMConfig, SignalLSTM

FEATURES = 3
CONFIG = LSTMConfig(
    hidden_dim=6,
    num_layers=2,
    dropout=0.3,
    sequence_length=5,
    learning_rate=1e-2,
    batch_size=32,
    epochs=4,
    patience=100,
    mixed_precision=False,
)


def samples(n=100, seed=0, slope=0.8, steps=CONFIG.sequence_length):
    """Labels are ``slope`` times the newest value of the first feature, plus heavy-tailed noise."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(n + steps - 1, FEATURES)).astype(np.float32)
    last_rows = np.arange(steps - 1, n + steps - 1)
    noise = 0.3 * rng.standard_t(6, size=n)
    labels = (slope * table[last_rows, 0] + noise).astype(np.float32)
    return Samples(table, last_rows, labels, steps)


def network(config=CONFIG, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SignalLSTM(FEATURES, config)


def assert_same_tensors(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


def differ(left, right):
    return any(not torch.equal(left[name], right[name]) for name in left)
