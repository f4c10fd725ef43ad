"""Tuning of a session on a clock that only settings move: what is faster is known beforehand."""

import io
import json
import os
import signal
from dataclasses import replace

import mlflow
import pandas as pd
import pytest
from own_proposals import here
from shelf import Shelf
from still_clock import Clock

from flows import tune_serving as flow
from flows.timed_trials import TimedTrials, space_for
from flows.tune_serving import TuneServingOptions, main, tune_serving
from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.flavor.probe import Probe
from ordinis_mlflow.flavor.proposed import TAGS, tag_of
from ordinis_mlflow.graph.proposal import Proposal
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.params import Space
from ordinis_mlflow.speed import interleaved
from ordinis_mlflow.telemetry.latency import LatencyRecorder

QUICK = TuneServingOptions(trials=100, seconds=0.0, confirm_seconds=0.0, method="grid")
"""All that may be tried, in as few rounds as can be judged."""
TRIED = {"chunk_size", "graph_optimization", "precision"}


def few(machine, precisions):
    """The space without threads, which a clock that stands still has no use for."""
    params = space_for(machine, precisions).params
    return Space(tuple(param for param in params if param.name in TRIED))


class ModelClock(Clock):
    """Moves when a model is run.

    Attributes:
        cost: model and windows of a run to its seconds.
    """

    def __init__(self):
        super().__init__()
        self.cost = lambda model, windows: 1e-3 * windows


@pytest.fixture
def clock(monkeypatch):
    made = ModelClock()

    def run(model, windows, whole=False):
        made.now += made.cost(model, len(windows))

    monkeypatch.setattr(interleaved, "time", made)
    monkeypatch.setattr(flavor.SignalModel, "run", run)
    monkeypatch.setattr(flow, "space_for", few)
    return made


@pytest.fixture
def shelf(tracking_store, tmp_path, request):
    return Shelf(request.node.name.replace("[", "-").strip("]"), tmp_path)


@pytest.fixture
def options(shelf, saved_package):
    """Of a registered version."""
    return replace(QUICK, model=f"models:/{shelf.name}/{shelf.add(saved_package)}")


def tags(shelf):
    return shelf.client.get_model_version(shelf.name, "1").tags


def table_of(run_id):
    text = mlflow.artifacts.load_text(f"runs:/{run_id}/trials.csv")
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def eights(model, windows):
    """Chunks of 8 are twice as fast for large runs, and the same for small ones."""
    return 1e-3 * windows * (0.5 if windows > 16 and model.settings.chunk_size == 8 else 1.0)


def hasty(model, windows):
    """Without optimisation large runs are twice as fast, and small ones twice as slow."""
    if model.settings.graph_optimization != "disabled":
        return 1e-3 * windows
    return 1e-3 * windows * (0.5 if windows > 16 else 2.0)


def test_what_is_faster_is_proposed_and_served(clock, shelf, options):
    clock.cost = eights
    tuned = tune_serving(options)
    assert tuned.proposal.settings.chunk_size == 8
    assert tuned.proposal.figures.gain == pytest.approx(2.0)
    assert tuned.proposal.figures.windows_per_s == pytest.approx(2000.0)
    assert tuned.proposal.run_id == tuned.run_id
    assert Proposal.from_json(tags(shelf)[tag_of(here(), "float32")]) == replace(
        tuned.proposal, measured_at=tuned.proposal.measured_at.replace(microsecond=0)
    )
    assert flavor.load_model(options.model).settings == tuned.proposal.settings


def test_the_run_has_trials_latencies_and_what_was_chosen(clock, options):
    clock.cost = eights
    tuned = tune_serving(options)
    run = mlflow.get_run(tuned.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["ordinis.machine"] == here().digest
    assert run.data.params["processor"] == here().processor[:6000]
    found = run.data.metrics
    assert found["gain/b64"] == pytest.approx(2.0)
    assert found["gain/b1"] == pytest.approx(1.0)
    assert found["default/b64/p50_ms"] == pytest.approx(64.0, rel=1 / 128)
    assert found["candidate/b64/p99_ms"] == pytest.approx(32.0, rel=1 / 128)
    artifacts = f"runs:/{tuned.run_id}"
    text = mlflow.artifacts.load_text(f"{artifacts}/latency/candidate_b1.hdr.txt")
    assert LatencyRecorder.from_bytes(text.encode()) == tuned.measured.candidate[1].recorder
    proposal = Proposal.from_json(mlflow.artifacts.load_text(f"{artifacts}/proposal.json").strip())
    assert proposal.settings == tuned.proposal.settings
    table = table_of(tuned.run_id)
    every = {each.to_json() for each in few(here(), ("float32",)).grid()}
    assert set(table["configuration"]) == every
    finals = table[table["final"]]
    assert (table["gain/b64"][~table["final"]] > 1.9).sum() == len(every) // 7
    assert len(finals) == 5
    assert (finals["gain/b64"][:4] > 1.9).all()  # the best first


def test_what_is_as_fast_leaves_the_defaults(clock, shelf, options):
    tuned = tune_serving(options)
    assert tuned.proposal is None
    assert tuned.reason.startswith("keep the defaults: ")
    assert "may be noise" in tuned.reason
    assert not [key for key in tags(shelf) if key.startswith(TAGS)]
    assert mlflow.get_run(tuned.run_id).data.tags["ordinis.verdict"] == tuned.reason
    assert tuned.measured.default[64].recorder.count == 5 * 6


def test_a_worse_tail_at_batch_1_is_refused_unless_a_budget_allows_it(clock, options):
    clock.cost = hasty
    tuned = tune_serving(options)
    assert tuned.proposal is None
    table = table_of(tuned.run_id)
    table = table[~table["final"]]
    refused = table[table["refused"] != ""]
    assert len(refused) == len(table) // 4
    assert all("disabled" in each for each in refused["configuration"])
    allowed = tune_serving(replace(options, p99_ms=2.5))
    assert allowed.proposal.settings.graph_optimization == "disabled"


def test_a_budget_that_nothing_meets_leaves_the_defaults(clock, options):
    tuned = tune_serving(replace(options, p99_ms=0.9))
    assert tuned.proposal is None
    assert "the p99 was within its limit" in tuned.reason
    table = table_of(tuned.run_id)
    assert all("above 0.9 ms" in each for each in table["refused"])


@pytest.mark.parametrize(
    ("later", "said"),
    [(lambda model, n: 1e-3 * n, "may be noise"), (hasty, "measured anew p99 at batch 1")],
)
def test_the_winner_is_measured_anew_beside_the_defaults(clock, options, monkeypatch, later, said):
    """What was luck in the trials is not proposed."""
    measure = TimedTrials.measure

    def lucky(trials, configuration, seconds):
        in_trials = seconds == options.seconds
        clock.cost = favoured if in_trials else later
        return measure(trials, configuration, seconds)

    def favoured(model, windows):
        quick = model.settings.graph_optimization == "disabled" and windows > 16
        return 1e-3 * windows * (0.5 if quick else 1.0)

    monkeypatch.setattr(TimedTrials, "measure", lucky)
    tuned = tune_serving(replace(options, confirm_seconds=0.001))
    assert tuned.proposal is None
    assert said in tuned.reason


def test_an_interrupt_keeps_what_is_done_and_proposes_nothing(clock, shelf, options, monkeypatch):
    clock.cost = eights
    measure, done = TimedTrials.measure, []

    def interrupted(trials, configuration, seconds):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(configuration.to_json())
        return measure(trials, configuration, seconds)

    def log_trials(trials):
        os.kill(os.getpid(), signal.SIGTERM)  # so does mlflow run after Ctrl-C
        log(trials)

    log = flow._log_trials
    monkeypatch.setattr(flow, "_log_trials", log_trials)
    monkeypatch.setattr(TimedTrials, "measure", interrupted)
    with pytest.raises(SystemExit) as left:
        tune_serving(options)
    assert left.value.code == 130
    (run,) = mlflow.search_runs(
        filter_string=f"params.model = '{options.model}'", output_format="list"
    )
    assert run.info.status == "KILLED"
    assert list(table_of(run.info.run_id)["configuration"]) == done
    assert tags(shelf) == {}


def test_a_faster_graph_is_proposed_as_itself_and_changes_no_answers(
    clock, shelf, small_package, tmp_path
):
    graph, probe = small_package.graphs["float32"], small_package.probe
    both = replace(
        small_package,
        graphs={"float32": graph, "int8": graph},
        probe=Probe(probe.bars, dict.fromkeys(("float32", "int8"), probe.expected["float32"])),
    )
    flavor.save_model(both, tmp_path / "both")
    model = f"models:/{shelf.name}/{shelf.add(tmp_path / 'both')}"
    clock.cost = lambda model, windows: 1e-3 * windows / (2 if model.precision == "int8" else 1)
    tuned = tune_serving(replace(QUICK, model=model, precision="any"))
    assert tuned.proposal.precision == "int8"
    assert list(tags(shelf)) == [tag_of(here(), "int8")]
    assert flavor.load_proposed(model).fate == "none"
    assert flavor.load_proposed(model, precision="int8").fate == "used"


def test_a_folder_is_tuned_and_nothing_tagged(clock, saved_package):
    clock.cost = eights
    tuned = tune_serving(replace(QUICK, model=str(saved_package)))
    assert tuned.proposal.settings.chunk_size == 8


def test_from_the_command_line_with_a_real_clock(saved_package, tracking_store, capsys):
    arguments = {"model": saved_package, "trials": 2, "seconds": 0, "confirm_seconds": 0}
    main([word for name, value in arguments.items() for word in (f"--{name}", str(value))])
    said = capsys.readouterr().out
    assert "keep the defaults" in said or json.dumps("chunk_size") in said


def test_a_graph_that_is_not_there(saved_package):
    with pytest.raises(InvalidConfig, match="no 'int8' graph"):
        tune_serving(replace(QUICK, model=str(saved_package), precision="int8"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workers": 2}, "side by side would slow"),
        ({"workers": 0}, "workers must be 1"),
        ({"precision": "int4"}, "precision must be"),
        ({"method": "guess"}, "method one of"),
        ({"trials": 0}, "trials must be"),
        ({"timeout": -1.0}, "0 or more"),
        ({"p99_ms": float("nan")}, "0 or more"),
        ({"seconds": float("inf")}, "0 or more"),
    ],
)
def test_options_are_refused(changes, said):
    with pytest.raises(InvalidConfig, match=said):
        replace(QUICK, **changes)


def test_default_settings_are_the_spaces_defaults(small_model, small_package):
    trials = TimedTrials(small_package, small_model, 0.0, 0.0)
    for precisions in (("float32",), ("float32", "int8")):
        defaults = space_for(here(), precisions).defaults()
        assert trials.parts(defaults) == ("float32", SessionSettings())
