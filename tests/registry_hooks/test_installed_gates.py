"""Every installed gate passes the contract suite."""

import pytest
from contracts.gate_suite import GateSuite

from ordinis_mlflow.promotion import installed_gates

GATES = installed_gates()


@pytest.mark.parametrize("kind", sorted(GATES))
class TestInstalledGates(GateSuite):
    @pytest.fixture
    def gate(self, kind):
        self.same_figure = kind not in ("latency", "age")
        return GATES[kind]()
