"""Predict: a file of bars to a file of signals."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from flows import predict
from flows.predict import main
from ordinis_mlflow import flavor
from ordinis_mlflow.bars import load_bars
from ordinis_mlflow.errors import InvalidBars, InvalidConfig

ROOT = Path(__file__).parents[2]
MODEL = "models:/flows@champion"

pytestmark = pytest.mark.usefixtures("trained")


@pytest.fixture
def expected(csv):
    return flavor.load_model(MODEL).signals(load_bars(str(csv)))


def test_parquet(csv, tmp_path, expected, capsys):
    output = tmp_path / "signals.parquet"
    main(["--model", MODEL, "--bars", str(csv), "--output", str(output)])
    pd.testing.assert_frame_equal(pd.read_parquet(output), expected)
    assert list(tmp_path.iterdir()) == [output]
    assert f"{len(expected)} signals of 1 symbols" in capsys.readouterr().out


def test_csv(csv, tmp_path, expected):
    output = tmp_path / "signals.csv"
    main(["--model", MODEL, "--bars", str(csv), "--output", str(output), "--symbol", "AAA"])
    written = pd.read_csv(output, parse_dates=["timestamp"], float_precision="round_trip")
    assert list(written) == list(expected)
    assert set(written["symbol"]) == {"AAA"}
    assert (written["timestamp"] == expected["timestamp"]).all()
    numbers = ["mean", "scale", "probability_up", "strength"]
    for name in numbers:
        assert (written[name].astype(expected[name].dtype) == expected[name]).all(), name
    assert (written["direction"] == expected["direction"]).all()
    assert list(tmp_path.iterdir()) == [output]


def test_precision(csv, tmp_path, expected, trained):
    if not (trained.model / "model.int8.onnx").exists():
        pytest.skip("the INT8 graph of this training was dropped")
    output = tmp_path / "signals.parquet"
    main(["--model", MODEL, "--bars", str(csv), "--output", str(output), "--precision", "int8"])
    written = pd.read_parquet(output)
    assert not written.equals(expected)
    assert (written["scale"] / expected["scale"] - 1).abs().max() < 0.05


def test_unknown_precision(csv, tmp_path):
    with pytest.raises(InvalidConfig, match="no 'int4' graph"):
        main(["--model", MODEL, "--bars", str(csv), "--precision", "int4"])


def test_older_file_is_replaced(csv, tmp_path, expected):
    output = tmp_path / "signals.parquet"
    output.write_text("older")
    main(["--model", MODEL, "--bars", str(csv), "--output", str(output)])
    assert len(pd.read_parquet(output)) == len(expected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_failing_write_leaves_the_older_file(suffix, tmp_path, expected, monkeypatch):
    output = tmp_path / f"signals{suffix}"
    output.write_text("older")

    def full(frame, path, **_):
        path.write_text("half")
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="no space"):
        predict.write(expected, output)
    assert output.read_text() == "older"
    assert list(tmp_path.iterdir()) == [output], "a half-written file was left behind"


def test_naive_timestamps_need_a_zone(frame, tmp_path, expected):
    bars, output = tmp_path / "naive.csv", tmp_path / "signals.parquet"
    frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None)).to_csv(bars, index=False)
    with pytest.raises(InvalidBars, match="timezone"):
        main(["--model", MODEL, "--bars", str(bars), "--output", str(output)])
    assert not output.exists()
    arguments = ["--model", MODEL, "--bars", str(bars), "--output", str(output)]
    main([*arguments, "--timezone", "UTC", "--symbol", "daily"])
    pd.testing.assert_frame_equal(pd.read_parquet(output), expected)


def test_too_few_bars(frame, tmp_path):
    bars = tmp_path / "few.csv"
    frame.head(20).to_csv(bars, index=False)
    with pytest.raises(InvalidBars, match="few"):
        main(["--model", MODEL, "--bars", str(bars), "--output", str(tmp_path / "signals.csv")])


def test_unknown_model_is_refused_in_one_line(csv, environment, tmp_path):
    """A mistyped name is the user's mistake and no defect: one line, no traceback."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "flows.predict", "--model", "models:/nosuchmodel@champion"),
            *("--bars", str(csv), "--output", str(tmp_path / "signals.csv")),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "nosuchmodel" in done.stderr.splitlines()[-1]
