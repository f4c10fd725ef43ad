"""LSTMConfig's ranges, the head's shape and its start."""

import math
import re
from dataclasses import asdict

import pytest
import torch

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.network import LSTMConfig, SignalLSTM
from ordinis_mlflow.network.lstm import LEAST_SCALE

COUNTS = (
    "hidden_dim", "num_layers", "sequence_length", "batch_size", "epochs", "patience", "threads",
)  # fmt: skip
REFUSED = [
    *((name, value) for name in COUNTS for value in (0, -1)),
    *(
        (name, value)
        for name in ("learning_rate", "gradient_norm")
        for value in (0.0, -1e-3, 1e19, math.inf, math.nan)
    ),
    *(("dropout", value) for value in (-0.1, 1.0, math.nan)),
    *(("weight_decay", value) for value in (-1e-9, 1e19, math.inf, math.nan)),
    *(("seed", value) for value in (-1, 2**32)),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_values_outside_their_range_are_refused(name, value):
    with pytest.raises(
        InvalidConfig, match=rf"{name} must be .*got {re.escape(str(value))}"
    ) as caught:
        LSTMConfig(**{name: value})
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "accepted", [{"dropout": 0.0}, {"weight_decay": 0.0}, {"seed": 0}, {"seed": 2**32 - 1}]
)
def test_ends_of_the_ranges_are_accepted(accepted):
    assert LSTMConfig(**accepted).to_dict() == asdict(LSTMConfig(**accepted))


@pytest.mark.parametrize("layers", [1, 2])
def test_forecast_has_one_location_and_one_positive_scale_a_window(layers):
    net = SignalLSTM(3, LSTMConfig(hidden_dim=4, num_layers=layers))
    torch.nn.init.normal_(net.head.weight, std=50.0)
    location, scale = net(torch.randn(9, 5, 3))
    assert location.shape == scale.shape == (9,)
    assert (scale >= LEAST_SCALE).all()


def test_untrained_network_forecasts_current_volatility():
    net = SignalLSTM(3, LSTMConfig(hidden_dim=4)).eval()
    location, scale = net(torch.randn(9, 5, 3))
    assert torch.equal(location, torch.zeros(9))
    assert scale.detach().numpy() == pytest.approx(1.0, abs=2e-3)


def test_every_row_of_the_window_matters():
    torch.manual_seed(0)
    net = SignalLSTM(3, LSTMConfig(hidden_dim=4, dropout=0.0)).eval()
    torch.nn.init.normal_(net.head.weight)
    windows = torch.randn(1, 5, 3, requires_grad=True)
    net(windows)[0].sum().backward()
    assert (windows.grad.abs().sum(dim=2) > 0).all()


def test_one_layer_makes_no_warning_about_dropout():
    # torch warns of dropout between the layers of a single layer; warnings are errors here.
    SignalLSTM(3, LSTMConfig(num_layers=1, dropout=0.5))
