"""Main: bars to a trained, promoted and served model, its signal, and a challenger refused."""

import textwrap
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flows.challenge import bad_challenger
from flows.command_line import given, parse, run
from flows.export import Published
from flows.options import TrainOptions
from flows.train import train
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.evaluation import Report
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.serving.mlflow_server import MlflowServer

NAME, ALIAS = "sp500", "champion"
COLUMNS = (
    ("log score", "log_score_nats", "{:+.4f}"),
    ("QLIKE", "qlike", "{:.3f}"),
    ("Sharpe", "sharpe_annual", "{:+.2f}"),
    ("± s.e.", "sharpe_standard_error_annual", "{:.2f}"),
    ("return", "total_return_share", "{:+.1%}"),
    ("drawdown", "max_drawdown_share", "{:.1%}"),
)
"""Nats a bar; of the scale; annual, after costs; over the whole test span."""


def main(arguments: Sequence[str]) -> None:
    """The entry point ``main``."""
    options, config = parse(arguments, TrainOptions, LSTMConfig)
    if not given(options.register):
        options = replace(options, register=NAME, alias=ALIAS)
    published = train(options, config)
    uri = f"models:/{published.training.options.register}/{published.version}"
    signals, seconds = served_signals(uri, published.training.bars, lookback(published))
    refusal = bad_challenger(published.training, published.training.options.register)
    print(summary(published, uri, signals, seconds, refusal))


def lookback(published: Published) -> int:
    """Bars of one window."""
    training = published.training
    return training.options.feature_set().lookback + training.config.sequence_length - 1


def served_signals(
    uri: str, bars: Bars, window: int
) -> tuple[dict[str, dict[str, float | int]], float]:
    """Serve the model, post the latest bars of each symbol, stop the server.

    Returns:
        The signal of each symbol, and the seconds that the request took.
    """
    latest = list(bars.latest(window).series())
    windows = np.stack([series.values for series in latest])
    print(f"serving {uri} with mlflow models serve ...", flush=True)
    with MlflowServer(uri) as server:
        server.signals(windows)  # the first request also warms the server up
        start = time.perf_counter()
        signals = server.signals(windows)
        seconds = time.perf_counter() - start
    return {s.symbol: signal for s, signal in zip(latest, signals, strict=True)}, seconds


def summary(
    published: Published,
    uri: str,
    signals: dict[str, dict[str, float | int]],
    seconds: float,
    refusal: str | None,
) -> str:
    """What was trained, what it is worth, what it says now, where to look."""
    training = published.training
    rows = training.prepared.rows
    split = training.prepared.split
    parts = {
        name: rows.times[rows.ready[index]]
        for name, index in (
            ("trained on", split.train),
            ("stopped by", split.validation),
            ("judged on", split.test),
        )
    }
    lines = [
        "",
        f"{uri}: LSTM on {', '.join(training.bars.symbols)}, run {published.run_id}",
        f"  read from   snapshot {training.data.features.name}, {training.options.features}",
        *(
            f"  {name}  {date(t[0])} to {date(t[-1])}, {len(t)} windows"
            for name, t in parts.items()
        ),
        "",
        *table(published.report),
        *doubts(published.report),
        "",
        *(say(symbol, signal) for symbol, signal in signals.items()),
        f"  over HTTP in {1000 * seconds:.1f} ms, from bars up to {date(rows.times[-1])}",
        *gates(refusal),
        "",
        "Look:  make ui     compare runs, figures and the registered model in the MLflow UI",
        "       make serve  serve the champion on port 5001",
        "       make server the tracking server with the gates, and its ledger at /ordinis/ledger",
        "Try:   mlflow run . -e train --env-manager local -P bars=nasdaq -P register=nasdaq",
        "       mlflow run . -e predict --env-manager local -P bars=sp500 -P output=signals.csv",
        "       (after: source .ordinis/env)",
    ]
    return "\n".join(lines)


def table(report: Report) -> list[str]:
    """The test numbers, a line each forecaster."""
    heads = ("test span, read once", *(head for head, _, _ in COLUMNS))
    body = [
        (each.name, *(form.format(each.metrics[key]) for _, key, form in COLUMNS))
        for each in report.all
    ]
    widths = [max(map(len, column)) for column in zip(heads, *body, strict=True)]
    return [
        "  "
        + row[0].ljust(widths[0])
        + "".join(f"  {cell.rjust(width)}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in (heads, *body)
    ]


def doubts(report: Report) -> list[str]:
    """The difference to the strongest baseline, and the Sharpe ratio, each with its interval."""
    best = max(report.baselines, key=lambda each: each.metrics["log_score_nats"])
    lead = report.difference("log_score_nats", best.name)
    lines = [
        f"  log score above {best.name}: {lead.value:+.4f}, 95 % within "
        f"[{lead.interval.low:+.4f}, {lead.interval.high:+.4f}]"
    ]
    if "sharpe_annual" in report.intervals:
        sharpe = report.intervals["sharpe_annual"]
        lines.append(f"  Sharpe ratio 95 % within [{sharpe.low:+.2f}, {sharpe.high:+.2f}]")
    return lines


def say(symbol: str, signal: dict[str, float | int]) -> str:
    """One signal in words."""
    direction = {-1: "short", 0: "no trade", 1: "long"}[int(signal["direction"])]
    return (
        f"Signal for {symbol}: {direction}, strength {signal['strength']:.3f}; next-bar return "
        f"{signal['mean']:+.3%} ± {signal['scale']:.3%}, up with {signal['probability_up']:.1%}"
    )


def gates(refusal: str | None) -> list[str]:
    """How the gates decided; nothing where the registry has none."""
    if refusal is None:
        return []
    return [
        "",
        "The champion passed every gate. A network that has learnt nothing asked as well:",
        *textwrap.wrap(refusal, 96, initial_indent="  ", subsequent_indent="  "),
    ]


def date(time_: np.datetime64) -> str:
    """The day of a time."""
    return str(time_.astype("datetime64[D]"))


if __name__ == "__main__":
    run(main)
