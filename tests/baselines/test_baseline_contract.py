"""Every baseline that is reported passes the suite for baselines."""

import pytest
from contracts.baseline_suite import BaselineSuite

from ordinis_mlflow.baselines import ALL


class TestBaselines(BaselineSuite):
    @pytest.fixture(params=ALL, ids=lambda one: one.name)
    def baseline(self, request):
        return request.param


def test_the_order_of_the_report():
    assert [one.name for one in ALL] == [
        "zero_mean_volatility", "ewma_volatility", "garch_t", "gjr_garch_t", "buy_and_hold",
    ]  # fmt: skip
