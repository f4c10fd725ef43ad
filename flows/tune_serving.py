"""Tune serving: how a version's graph is run best on this kind of machine, for servers to use.

Settings are tried one after the other, each in turn with the default ones; the five that did best
are tried again. The best of those is measured anew, and proposed only if it is faster than the
default ones beyond noise: "keep the defaults" is an answer.
Ctrl-C keeps what is done.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.artifacts import download_artifacts
from tqdm import tqdm

from flows.command_line import parse, run
from flows.timed_trials import (
    GAIN,
    LARGE,
    TimedTrials,
    fastest,
    figures_of,
    metrics_of,
    space_for,
)
from ordinis_mlflow.errors import InvalidConfig, PackageError, ProviderUnavailable
from ordinis_mlflow.flavor import Package, SignalModel
from ordinis_mlflow.flavor.package import GRAPHS, read_package
from ordinis_mlflow.flavor.proof import check_proven, registered
from ordinis_mlflow.flavor.proposed import propose
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.proposal import Proposal
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.params import Configuration, Space
from ordinis_mlflow.speed import Interleaved
from ordinis_mlflow.tracking import to_the_end, tracked_run
from ordinis_mlflow.tuning import (
    METHODS,
    Outcome,
    Report,
    Suggestion,
    open_study,
    run_trials,
)

ANY = "any"
FINAL = 2.0
"""How much longer than in its trial a finalist is measured."""
INTERRUPTED = 130
VERDICT = "ordinis.verdict"
"""Tag of the run: what came of it, in a sentence."""


@dataclass(frozen=True)
class TuneServingOptions:
    """Parameters of the entry point ``tune_serving``.

    Attributes:
        model: URI of the model; of a registered version the best settings are kept as a tag.
        precision: of the graph: float32, int8 or fp16; or any, to choose the fastest.
        trials: settings that are tried, the default ones among them.
        timeout: no trial begins later than so many seconds after the first; 0 for no end.
        seconds: of a trial; each of the five best is measured again for twice as long.
        confirm_seconds: of measuring the best one anew.
        p99_ms: at batch 1, at most; 0: not worse than the default's beyond noise.
        workers: 1: whatever runs beside a measurement disturbs it.
        method: tpe, gp, cmaes, nsgaii, random or grid.
        seed: of the method.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    model: str = "models:/sp500@champion"
    precision: str = "float32"
    trials: int = 30
    timeout: float = 0.0
    seconds: float = 5.0
    confirm_seconds: float = 30.0
    p99_ms: float = 0.0
    workers: int = 1
    method: str = "tpe"
    seed: int = 7

    def __post_init__(self) -> None:
        if self.workers != 1:
            raise InvalidConfig(
                f"workers must be 1, got {self.workers}: speed is measured, and trials side by "
                "side would slow each other"
            )
        if self.precision not in (ANY, *GRAPHS) or self.method not in METHODS:
            raise InvalidConfig(
                f"precision must be one of {[ANY, *GRAPHS]} and method one of {list(METHODS)}, got "
                f"{self.precision!r} and {self.method!r}"
            )
        lengths = (self.timeout, self.seconds, self.confirm_seconds, self.p99_ms)
        if self.trials < 1 or not all(0.0 <= each < float("inf") for each in lengths):
            raise InvalidConfig(
                "trials must be 1 or more; timeout, seconds, confirm_seconds and p99_ms 0 or more, "
                f"got {self.trials}; {', '.join(map(str, lengths))}"
            )


@dataclass(frozen=True, eq=False)
class TunedServing:
    """What came of it.

    Attributes:
        run_id: of the tuning.
        measured: the best settings beside the default ones.
        proposal: to be used by servers; None to keep the defaults.
        reason: why.
    """

    run_id: str
    measured: Interleaved
    proposal: Proposal | None
    reason: str


def main(arguments: Sequence[str]) -> None:
    """The entry point ``tune_serving``."""
    (options,) = parse(arguments, TuneServingOptions)
    tuned = tune_serving(options)
    print(tuned.reason)
    if tuned.proposal is not None:
        print(f"proposed for {tuned.proposal.machine}: {dict(tuned.proposal.configuration)}")


def tune_serving(options: TuneServingOptions) -> TunedServing:
    """Trials, then the best beside the default settings, then a proposal if it is better.

    Raises:
        InvalidConfig: the package has no graph of that precision.
        PackageError: the model must not be served.
        MlflowException: the version may not be tagged by this user; what was measured is logged.
        SystemExit: after Ctrl-C; what was done is logged, and nothing proposed.
    """
    package, version = _package(options.model)
    precisions = _precisions(package, options.precision)
    default = SignalModel(package, precisions[0], SessionSettings())
    machine = Machine.here(default.provider)
    trials = TimedTrials(package, default, options.seconds, options.p99_ms)
    space = space_for(machine, precisions)
    tags = {"ordinis.entry_point": "tune_serving", "ordinis.machine": machine.digest}
    with tracked_run({**asdict(options), **asdict(machine)}, tags) as started:
        run_id = started.info.run_id
        try:
            chosen = _best(space, trials, options)
            measured = trials.measure(chosen, options.confirm_seconds)
        except KeyboardInterrupt:
            with to_the_end():
                mlflow.set_tag(VERDICT, "interrupted: nothing is proposed")
                mlflow.end_run("KILLED")
            raise SystemExit(INTERRUPTED) from None
        tuned = _judged(chosen, trials, machine, measured, run_id)
        _log(tuned)
        if tuned.proposal is not None and version is not None:
            propose(*version, tuned.proposal)
        return tuned


def _package(uri: str) -> tuple[Package, tuple[str, str] | None]:
    """A package that may be served, and the registered version that it is of, if it is."""
    with tempfile.TemporaryDirectory(prefix="ordinis-model-") as scratch:
        folder = Path(download_artifacts(artifact_uri=uri, dst_path=scratch))
        package = read_package(folder)
        check_proven(folder)
        return package, registered(folder)


def _precisions(package: Package, wanted: str) -> tuple[str, ...]:
    """Those to be tried, the one that all are compared with first."""
    found = tuple(name for name in GRAPHS if name in package.graphs)
    if wanted != ANY and wanted not in found:
        raise InvalidConfig(f"the model has no {wanted!r} graph; it has {list(found)}")
    return found if wanted == ANY else (wanted,)


def _best(space: Space, trials: TimedTrials, options: TuneServingOptions) -> Configuration:
    """The fastest of the settings that are not the default ones; those if no other may be."""
    # In memory: ratios of another day were measured beside other neighbours.
    study = open_study("serving", space, [GAIN], method=options.method, seed=options.seed)
    with study, tqdm(total=options.trials, desc="trials", unit="trial") as bar:

        def measure(suggestion: Suggestion, report: Report) -> Outcome:
            outcome = trials(suggestion, report)
            bar.update()
            return outcome

        catch = (PackageError, ProviderUnavailable)
        try:
            run_trials(study, measure, options.trials, options.timeout or None, catch)
            return fastest(study, trials, FINAL * options.seconds)
        finally:
            with to_the_end():
                _log_trials(trials)


def _judged(
    chosen: Configuration,
    trials: TimedTrials,
    machine: Machine,
    measured: Interleaved,
    run_id: str,
) -> TunedServing:
    gain = measured.gain(LARGE)
    against = _against(chosen, trials, measured)
    if against:
        return TunedServing(run_id, measured, None, f"keep the defaults: {against}")
    precision, settings = trials.parts(chosen)
    figures, now = figures_of(measured), datetime.now(UTC)
    proposal = Proposal(machine, precision, settings, figures, run_id, now)
    said = f"{chosen.to_json()}: throughput at batch {LARGE} is {gain} times that of the defaults"
    return TunedServing(run_id, measured, proposal, said)


def _against(chosen: Configuration, trials: TimedTrials, measured: Interleaved) -> str:
    """Why the default settings are kept; empty if they are not."""
    if trials.parts(chosen) == (trials.default.precision, trials.default.settings):
        return "of no others that were tried the p99 was within its limit"
    objection = trials.objection(measured)
    if objection:
        return f"{chosen.to_json()} was best, and measured anew {objection}"
    gain = measured.gain(LARGE)
    if not gain.above:
        return (
            f"{chosen.to_json()} was best, and measured anew its throughput at batch {LARGE} is "
            f"{gain} times theirs, which may be noise"
        )
    return ""


def _log(tuned: TunedServing) -> None:
    """Figures, every latency in buckets, and what is proposed."""
    measured = tuned.measured
    mlflow.set_tag(VERDICT, tuned.reason)
    mlflow.log_metrics(dict(metrics_of(measured)))
    for side, sizes in (("default", measured.default), ("candidate", measured.candidate)):
        for size, timed in sizes.items():
            # HdrHistogram's own encoding, base64, for whatever reads that.
            mlflow.log_text(timed.recorder.to_bytes().decode(), f"latency/{side}_b{size}.hdr.txt")
    if tuned.proposal is not None:
        mlflow.log_text(tuned.proposal.to_json() + "\n", "proposal.json")


def _log_trials(trials: TimedTrials) -> None:
    for row in trials.table:
        name = "final/gain" if row["final"] else "trial/gain"
        mlflow.log_metric(name, row[f"gain/b{LARGE}"], step=row["trial"])
    if trials.table:
        mlflow.log_text(pd.DataFrame(trials.table).to_csv(index=False), "trials.csv")


if __name__ == "__main__":
    run(main)
