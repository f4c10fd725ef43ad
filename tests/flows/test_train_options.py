"""What a training refuses, before there is a run."""

import pytest

from flows.export import main as export
from flows.predict import main as predict
from flows.source import URL_VARIABLE
from flows.train import main
from ordinis_mlflow.errors import OrdinisError


@pytest.fixture
def refused(run_ids, capsys):
    """Call a flow that must refuse, and return its reason."""

    def call(flow, arguments):
        before = run_ids()
        with pytest.raises((OrdinisError, FileNotFoundError)) as error:
            flow([f"--{word}" if i % 2 == 0 else word for i, word in enumerate(arguments)])
        assert run_ids() == before
        assert "\n" not in str(error.value)
        return str(error.value)

    return call


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["bars", "postgresql://me:secret@host/db"], "bars must not be a URL"),
        (["bars", "sqlite:///bars.db", "query", "select 1"], "bars must not be a URL"),
        (["query", "select 1"], "query needs bars=sql"),
        (["bars", "sql"], "bars=sql needs a query"),
        (["bars", "sql", "query", "select 1"], f"from {URL_VARIABLE}, which is not set"),
        (["alias", "champion"], "alias 'champion' needs a registered model"),
        (["scaler", "minmax"], "scaler must be"),
        (["cost_bps", "-1"], "cost_bps must be"),
        (["cost_bps", "nan"], "cost_bps must be"),
        (["validation", "0"], "validation must be"),
        (["validation", "0.5", "test", "0.5"], "below 1"),
        (["features", "technical@9"], "technical@9"),
        (["bars", "missing.csv"], "there is no file missing.csv"),
        (["bars", "bars.xlsx"], "none of those accepted"),
        (["bars", "sp500", "timezone", "UTC"], "sets symbol and timezone"),
        (["horizon", "0"], "horizon"),
        (["degrees_of_freedom", "5"], "even"),
        (["no_trade_band", "1.5"], "band"),
        (["hidden_dim", "0"], "hidden_dim must be"),
        (["learning_rate", "nan"], "learning_rate must be"),
        (["dropout", "1"], "dropout must be"),
        (["epochs", "0"], "epochs must be"),
        (["sequence_length", "100000"], "sp500"),
        (["resume", "0" * 32], "is no training run"),
        (["resume", "../../etc"], "is no training run"),
    ],
)
def test_train_refuses(arguments, reason, refused, monkeypatch):
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    said = refused(main, arguments)
    assert reason in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "arguments", [["register", "a/b"], ["register", "a", "alias", "v1"]], ids=["name", "alias"]
)
def test_train_refuses_names_that_the_registry_would(arguments, refused, monkeypatch, tiny):
    """Found out after the training, the training would be lost."""
    monkeypatch.setattr("flows.train.train_network", lambda *_: pytest.fail("it trained"))
    refused(main, [*(word for pair in tiny.items() for word in pair), *arguments])


@pytest.mark.parametrize("arguments", [[], ["run_id", "none"]])
def test_export_needs_a_run(arguments, refused):
    assert "export needs the training run" in refused(export, arguments)


def test_export_refuses_an_unknown_run(refused):
    assert "is no training run" in refused(export, ["run_id", "0" * 32])


@pytest.mark.parametrize("output", ["signals.txt", "signals", "signals.csv.gz", "signals.xlsx"])
def test_predict_refuses_other_files(output, refused):
    assert "must end in .parquet or .csv" in refused(predict, ["output", output])


def test_url_of_a_failing_database_is_not_repeated(refused, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, "nosuchdialect://me:hunter2@host/db")
    said = refused(main, ["bars", "sql", "query", "select 1"])
    assert "hunter2" not in said
    assert "host" not in said
