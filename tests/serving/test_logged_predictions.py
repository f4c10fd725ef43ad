"""The server's prediction log: what it answered is what is kept, of whichever arm."""

import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from predictions_made import Tally, keeping, until
from signal_server import serving

from ordinis_mlflow.prediction_log import Source
from ordinis_mlflow.prediction_log.read import read
from ordinis_mlflow.serving.arms import Asked, Part, Scored, Served
from ordinis_mlflow.serving.prediction_logging import PredictionLogging
from ordinis_mlflow.serving.settings import ServingSettings

FIELDS = ["mean", "scale", "probability_up", "direction", "strength"]


@pytest.fixture
def server(saved_package):
    """Starts the server with a log, until the end of the block."""

    def start(folder, **more):
        log = keeping(folder, **more)
        return serving(ServingSettings(model=str(saved_package), prediction_log=log))

    return start


def post(running, windows, name):
    answer = running.post({"inputs": windows.tolist()}, **{"X-Request-Id": name})
    assert answer.status == 200, answer.body
    return answer


def figure(running, name):
    """A series of the server's metrics; 0 until there is one."""
    lines = running.ask("GET", "/metrics").body.decode().splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)


def test_every_answer_is_kept_when_the_server_is_told_to_stop(
    server, tmp_path, small_model, small_windows
):
    with server(tmp_path) as running:
        post(running, small_windows[:1], "one")
        post(running, small_windows[1:4], "three")
        assert running.post({"inputs": []}).status == 400
    logged = read(tmp_path, inputs=True)
    frame = logged.frame
    assert list(frame["prediction_id"]) == ["one/0", "three/0", "three/1", "three/2"]
    assert np.array_equal(logged.windows, small_windows[:4])
    expected = small_model.predict(small_windows[:4]).to_frame()
    assert np.allclose(frame[FIELDS], expected[FIELDS], rtol=1e-5, atol=1e-9)
    source = Source.of(small_model.contract, "champion", "model", "1")
    for name in ("arm", "feature_set", "features_digest", "horizon", "degrees_of_freedom"):
        assert set(frame[name]) == {getattr(source, name)}
    assert frame["symbol"].isna().all()
    assert frame["bar_time"].isna().all()


def test_it_is_written_while_the_server_runs_and_counted(server, tmp_path, small_windows):
    with server(tmp_path, log_flush_seconds=0.05) as running:
        post(running, small_windows[:2], "one")
        until(lambda: figure(running, "ordinis_prediction_log_rows_total") == 2)
        assert len(read(tmp_path)) == 2
        assert figure(running, "ordinis_prediction_log_pending_rows") == 0


def test_a_share_of_windows_is_kept_by_the_requests_id(server, tmp_path, small_windows):
    names = [f"request-{number}" for number in range(20)]
    with server(tmp_path, log_inputs=0.5) as running:
        for name in names:
            post(running, small_windows[:1], name)
    assert len(read(tmp_path)) == 20
    kept = set(read(tmp_path, inputs=True).frame["request_id"])
    assert kept == {name for name in names if zlib.crc32(name.encode()) < 2**31}
    assert 0 < len(kept) < 20


def test_a_log_that_cannot_be_written_keeps_no_request_from_its_answer(
    server, tmp_path, small_windows
):
    place = tmp_path / "log"
    place.write_text("in the way")
    with server(place, log_flush_seconds=0.05, log_buffer_bytes=1) as running:
        post(running, small_windows[:3], "one")
        until(lambda: figure(running, "ordinis_prediction_log_lost_rows_total") == 3)
        assert running.alive()
    assert place.read_text() == "in the way"


def test_rows_of_several_arms(tmp_path, small_model, small_windows):
    signal = small_model.predict(small_windows[:3])
    times = np.array([5, 6, 7], np.int64)

    def part(arm, rows):
        served = Served(arm, "sp500", arm[:1], small_model, SimpleNamespace())
        symbols = tuple("ABC"[row] for row in rows)
        asked = Asked(small_windows[rows], symbols, times[rows])
        rows_of = type(signal)(*(values[rows] for _, values in signal.columns()))
        return Part(served, np.array(rows), asked, rows_of)

    logging = PredictionLogging(keeping(tmp_path), Tally())
    logging._log.start()
    logging(Scored("one", signal, (part("champion", [0, 2]), part("challenger", [1]))))
    logging(Scored("one", signal, (part("shadow", [0, 2]),)))
    logging._log.stop()
    frame = read(tmp_path).frame
    assert sorted(zip(frame["arm"], frame["prediction_id"], frame["symbol"], strict=True)) == [
        ("challenger", "one/1", "B"),
        ("champion", "one/0", "A"),
        ("champion", "one/2", "C"),
        ("shadow", "one/0", "A"),
        ("shadow", "one/2", "C"),
    ]
    for _, row in frame.iterrows():
        assert row["version"] == row["arm"][:1]
        assert row["bar_time"].value == times["ABC".index(row["symbol"])]
        assert row["mean"] == signal.mean["ABC".index(row["symbol"])]


def test_the_digest_is_of_what_the_features_compute(small_model):
    contract = small_model.contract
    names = tuple(contract.fingerprint)
    digest = Source.of(contract, "champion", "m", "1").features_digest
    assert len(digest) == 64

    def changed(fingerprint):
        other = SimpleNamespace(**{**vars(contract), "fingerprint": fingerprint})
        return Source.of(other, "champion", "m", "1").features_digest

    values = contract.fingerprint
    assert changed({name: values[name] for name in reversed(names)}) == digest
    first, *rest = values[names[0]]
    assert changed({**values, names[0]: (np.nextafter(first, 9.0), *rest)}) != digest
