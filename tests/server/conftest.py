"""One server for the tests of this folder, with gates and with decisions to show."""

import pytest
from shown import planted
from tracking_server import running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server"), registry="ordinis+") as started:
        planted(started.database)
        yield started
