"""Where the desk is: in the tracking database, or the one behind a tracking server."""

import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining import hold, open_desk
from ordinis_mlflow.retraining.state import LoopState

SECRET = "hunter2hunter2"


def test_the_variable_goes_before_the_tracking_store(tmp_path):
    named, tracking = (f"sqlite:///{tmp_path / name}" for name in ("a.db", "b.db"))
    desk = open_desk(tracking, {"ORDINIS_CATALOGUE": named})
    desk.write(desk.read("sp500"), hold(LoopState(), "why not"), at=1)
    assert open_desk(named, {}).read("sp500").state.held == "why not"
    assert open_desk(tracking, {}).read("sp500").revision == 0


def test_a_tracking_server_is_no_database():
    with pytest.raises(InvalidConfig, match=r"begins with 'http'.*ORDINIS_CATALOGUE"):
        open_desk("http://127.0.0.1:5000", {})


@pytest.mark.parametrize("url", [f"postgresql://ada:{SECRET}@host:port/db", "sqlite+none:///x"])
def test_a_url_that_cannot_be_read_is_not_quoted(url):
    with pytest.raises(InvalidConfig, match="cannot be read") as refused:
        open_desk(url, {})
    assert SECRET not in str(refused.value)
