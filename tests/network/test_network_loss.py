"""The loss is the Student-t's negative log density."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ordinis_mlflow.network import negative_log_likelihood

values = st.floats(-50, 50, width=32)
scales = st.floats(0.0078125, 100, width=32)


@given(
    rows=st.integers(1, 5).flatmap(
        lambda n: st.tuples(
            hnp.arrays(np.float32, n, elements=values),
            hnp.arrays(np.float32, n, elements=scales),
            hnp.arrays(np.float32, n, elements=values),
        )
    ),
    nu=st.sampled_from([4, 6, 8, 30]),
)
def test_loss_is_the_negative_log_density(rows, nu):
    location, scale, target = rows
    expected = -stats.t.logpdf(
        target.astype(np.float64), nu, location.astype(np.float64), scale.astype(np.float64)
    ).mean()
    loss = negative_log_likelihood(*(torch.from_numpy(each) for each in rows), nu)
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(expected, rel=2e-5, abs=2e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_forecasts_are_judged_in_float32(dtype):
    location, scale = torch.tensor([0.5, -2.0]), torch.tensor([1.0, 0.25])
    target = torch.tensor([0.123456, 1.7])
    loss = negative_log_likelihood(location.to(dtype), scale.to(dtype), target, 6)
    assert loss.dtype == torch.float32
    assert loss == negative_log_likelihood(location, scale, target, 6)


def test_outliers_give_finite_gradients():
    location = torch.zeros(3, requires_grad=True)
    scale = torch.full((3,), 1e-3, requires_grad=True)
    negative_log_likelihood(location, scale, torch.tensor([1e6, -1e6, 0.0]), 4).backward()
    assert torch.isfinite(location.grad).all()
    assert torch.isfinite(scale.grad).all()
