"""Trials of session settings: each measured in turn with the default, and held to its p99."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ordinis_mlflow.flavor import Package, SignalModel
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.proposal import Figures
from ordinis_mlflow.graph.session import SessionSettings
from ordinis_mlflow.graph.tunables import session_space, settings_of
from ordinis_mlflow.params import CategoricalParam, Configuration, Space
from ordinis_mlflow.speed import Interleaved, interleave
from ordinis_mlflow.tuning import Failed, Objective, Outcome, Report, Study, Suggestion, Trial

SMALL, LARGE = 1, 64
"""Windows of the runs whose p99 is held to a limit, and of those whose throughput is to grow."""
PRECISION = "precision"
GAIN = Objective("gain")
"""Throughput at batch 64 over that of the default settings, measured in the same rounds."""
FINALISTS = 5


def space_for(machine: Machine, precisions: tuple[str, ...]) -> Space:
    """The session's space, and which graph is run where there is a choice."""
    space = session_space(machine)
    if len(precisions) == 1:
        return space
    precision = CategoricalParam(PRECISION, precisions, default=precisions[0])
    return Space((*space.params, precision), space.conditions)


@dataclass
class TimedTrials:
    """Measures a suggestion, as ``run_trials`` asks for it.

    Attributes:
        package: whose graphs are run.
        default: the model with default settings, of the precision that all are compared with.
        seconds: of a trial.
        p99_ms: at batch 1, at most; 0: not worse than the default's beyond noise.
        table: what was measured, a row a trial, and then one a finalist.
    """

    package: Package
    default: SignalModel
    seconds: float
    p99_ms: float
    table: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, suggestion: Suggestion, report: Report) -> Outcome:
        """Its gain; failed if p99 is above the limit."""
        measured = self.measure(suggestion.configuration, self.seconds)
        reason = self._note(suggestion, measured, final=False)
        return Failed(reason) if reason else {GAIN.name: measured.gain(LARGE).value}

    def again(self, trial: Trial, seconds: float) -> Interleaved:
        """A finalist, measured once more."""
        measured = self.measure(trial.configuration, seconds)
        self._note(trial, measured, final=True)
        return measured

    def measure(self, configuration: Configuration, seconds: float) -> Interleaved:
        """Beside the default settings, in turn.

        Raises:
            PackageError: the model does not prove itself so.
            ProviderUnavailable: the provider does not run here.
        """
        candidate = self.opened(configuration)
        return interleave(candidate.run, self.default.run, self.default.probe_bars, seconds)

    def opened(self, configuration: Configuration) -> SignalModel:
        """The model with a session of this configuration."""
        precision, settings = self.parts(configuration)
        return SignalModel(self.package, precision, settings)

    def parts(self, configuration: Configuration) -> tuple[str, SessionSettings]:
        """Precision and settings of a configuration."""
        values = dict(configuration)
        precision = str(values.pop(PRECISION, self.default.precision))
        return precision, settings_of(Configuration(values))

    def objection(self, measured: Interleaved) -> str:
        """Why the candidate's p99 is not taken; empty if it is."""
        if self.p99_ms:
            found = measured.candidate[SMALL].recorder.percentile(99) * 1e3
            limit = f"above {self.p99_ms:g} ms"
            return f"p99 at batch {SMALL} is {found:.3g} ms, {limit}" if found > self.p99_ms else ""
        tail = measured.tail(SMALL)
        return f"p99 at batch {SMALL} is {tail} times the default's" if tail.above else ""

    def _note(self, trial: Suggestion | Trial, measured: Interleaved, final: bool) -> str:
        """A row of the table, with the objection, which is returned."""
        reason = self.objection(measured)
        named = {"trial": trial.number, "final": final}
        said = {"configuration": trial.configuration.to_json(), "refused": reason}
        self.table.append({**named, **said, **metrics_of(measured)})
        return reason


def fastest(study: Study, trials: TimedTrials, seconds: float) -> Configuration:
    """The best of the finalists, measured again: of many noisy gains the largest is mostly luck.

    Args:
        study: whose trials are done.
        trials: that measures them.
        seconds: of each finalist.

    Returns:
        No configuration whose p99 is above the limit if there is another, and the default one only
        if no other was measured.
    """
    again = {each.configuration: trials.again(each, seconds) for each in finalists(study)}
    if not again:
        return study.space.defaults()
    allowed = [each for each, measured in again.items() if not trials.objection(measured)]
    return max(allowed or again, key=lambda each: again[each].gain(LARGE).value)


def finalists(study: Study) -> list[Trial]:
    """The best complete trials but for the defaults, the best first."""
    defaults = study.space.defaults()
    complete = [trial for trial in study.trials() if trial.state == "complete"]
    others = [trial for trial in complete if trial.configuration != defaults]
    return sorted(others, key=lambda trial: -trial.values[GAIN.name])[:FINALISTS]


def figures_of(measured: Interleaved) -> Figures:
    """What a proposal says of the candidate."""
    gain, recorder = measured.gain(LARGE), measured.candidate[SMALL].recorder
    return Figures(
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        windows_per_s=measured.candidate[LARGE].windows_per_s,
        p50_ms=recorder.percentile(50) * 1e3,
        p95_ms=recorder.percentile(95) * 1e3,
        p99_ms=recorder.percentile(99) * 1e3,
    )


def metrics_of(measured: Interleaved) -> Mapping[str, float]:
    """Of a run: latency and throughput of both at every size, and their ratios with intervals."""
    found: dict[str, float] = {"rounds": float(measured.rounds)}
    for side, sizes in (("default", measured.default), ("candidate", measured.candidate)):
        for size, timed in sizes.items():
            for q in (50, 95, 99):
                found[f"{side}/b{size}/p{q}_ms"] = timed.recorder.percentile(q) * 1e3
            found[f"{side}/b{size}/windows_per_s"] = timed.windows_per_s
    for size in measured.candidate:
        for name, ratio in (("gain", measured.gain(size)), ("p99_ratio", measured.tail(size))):
            found |= {
                f"{name}/b{size}": ratio.value,
                f"{name}/b{size}_low": ratio.low,
                f"{name}/b{size}_high": ratio.high,
            }
    return found
