"""Main's summary: what was trained, what it is worth, what it says now."""

import re
from pathlib import Path

import numpy as np
import pytest

from flows import main
from ordinis_mlflow import flavor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def signal():
    return {
        "mean": 0.00159,
        "scale": 0.01851,
        "probability_up": 0.533,
        "direction": 1,
        "strength": 0.066,
    }


@pytest.fixture
def printed(trained, signal, monkeypatch, capsys):
    """Everything that main prints, with the training and the server put in."""
    asked = []

    def train(options, config):
        asked.append(options)
        return trained.published

    def served(*arguments):
        asked.append(arguments)
        return {"daily": signal}, 0.0123

    monkeypatch.setattr(main, "train", train)
    monkeypatch.setattr(main, "served_signals", served)
    monkeypatch.setattr(main, "bad_challenger", lambda *_: "version 2 of 'flows' may not stand")
    main.main(["--bars", "sp500"])
    return capsys.readouterr().out, asked


def test_main_registers_whatever_it_trains(printed):
    _, (options, _) = printed
    assert (options.register, options.alias) == (main.NAME, main.ALIAS)


def test_main_serves_the_version_that_it_registered(printed, trained):
    _, (_, (uri, bars, window)) = printed
    assert uri == f"models:/flows/{trained.published.version}"
    assert bars is trained.published.training.bars
    assert window == flavor.load_model(uri).contract.lookback


def test_summary(printed, trained):
    text, _ = printed
    assert f"run {trained.run_id}" in text
    parts = re.findall(r"(trained on|stopped by|judged on)  (\S+) to (\S+), (\d+) windows", text)
    assert [name for name, *_ in parts] == ["trained on", "stopped by", "judged on"]
    times = [np.datetime64(day) for _, *days, _ in parts for day in days]
    assert times == sorted(times)
    split = trained.published.training.prepared.split
    sizes = [len(each) for each in (split.train, split.validation, split.test)]
    assert [int(count) for *_, count in parts] == sizes
    assert "over HTTP in 12.3 ms" in text
    assert (
        "Signal for daily: long, strength 0.066; next-bar return +0.159% ± 1.851%, up with 53.3%"
    ) in text


def test_the_refused_challenger_is_told(printed):
    text, _ = printed
    assert "A network that has learnt nothing asked as well:" in text
    assert "version 2 of 'flows' may not stand" in text


def test_without_gates_nothing_is_said_of_them():
    assert main.gates(None) == []


def test_table_has_every_number(printed, trained):
    text, _ = printed
    for each in trained.published.report.all:
        line = next(line for line in text.splitlines() if line.split()[:1] == [each.name])
        for _, key, form in main.COLUMNS:
            assert form.format(each.metrics[key]) in line


def test_doubts_are_told(printed, trained):
    text, _ = printed
    made = trained.published.report
    best = max(made.baselines, key=lambda each: each.metrics["log_score_nats"]).name
    lead = made.difference("log_score_nats", best)
    assert f"log score above {best}: {lead.value:+.4f}, 95 % within" in text
    assert f"[{lead.interval.low:+.4f}, {lead.interval.high:+.4f}]" in text


@pytest.mark.parametrize(("direction", "words"), [(-1, "short"), (0, "no trade"), (1, "long")])
def test_say(signal, direction, words):
    assert main.say("AAA", signal | {"direction": direction}).startswith(
        f"Signal for AAA: {words},"
    )


def test_commands_of_the_summary_exist(printed):
    text, _ = printed
    targets = re.findall(r"make (\w+)", text)
    makefile = (ROOT / "Makefile").read_text()
    assert targets
    assert all(re.search(f"^{target}:", makefile, flags=re.M) for target in targets)
