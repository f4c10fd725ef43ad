"""Tuning of serving: the settings that are found, over ONNX Runtime's defaults on the same network.

The default model in a session as tuned, against its float32 graph in a plain InferenceSession with
default SessionOptions, which has as many intra-op threads as there are cores. Settings are searched
for as ``tune_serving`` does, once among those of the float32 graph and once with the INT8 graph
besides. Where the best is not faster than our default beyond noise, our default it is.

Ratios are medians over rounds in turn, with 95 % intervals.
"""

from bench.measure import Row, json_path, report
from bench.models import measured
from flows.timed_trials import GAIN, LARGE, SMALL, TimedTrials, fastest, space_for
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import INPUT, SessionSettings
from ordinis_mlflow.signal import Signal
from ordinis_mlflow.speed import Interleaved, Run, interleave
from ordinis_mlflow.tuning import open_study, run_trials

TRIALS, TRIAL_S, FINAL_S, CONFIRM_S = 30, 3.0, 8.0, 20.0
FATAL = 4
SEARCHED = {
    "": ("float32", "int8"),
    "_float32": ("float32",),
}
"""Precisions to choose from, by the ending of the figures' names."""
BAR = 1.3


def main() -> None:
    path = json_path(__doc__)
    package = measured().package(int8=True)
    ours = SignalModel(package, settings=SessionSettings())
    trials = TimedTrials(package, ours, TRIAL_S, 0.0)
    plain = plain_run(package.graphs["float32"])
    rows = []
    for ending, precisions in SEARCHED.items():
        found, said = found_settings(trials, precisions)
        over_plain = interleave(found.run, plain, ours.probe_bars, CONFIRM_S)
        rows += gained(over_plain, ending, said)
    report("Tuning of serving", rows, path)


def found_settings(trials: TimedTrials, precisions: tuple[str, ...]) -> tuple[SignalModel, str]:
    """The model as tuned, and how that came."""
    space = space_for(Machine.here(trials.default.provider), precisions)
    with open_study("bench", space, [GAIN], seed=7) as study:
        run_trials(study, trials, TRIALS)
        chosen = fastest(study, trials, FINAL_S)
    anew = trials.measure(chosen, CONFIRM_S)
    gain = anew.gain(LARGE)
    if gain.above and not trials.objection(anew):
        return trials.opened(chosen), f"{chosen.to_json()}, {gain} times our default"
    return trials.default, f"our default (the best other, {chosen.to_json()}: {gain} times it)"


def gained(measured: Interleaved, ending: str, said: str) -> list[Row]:
    """Throughput, and p99: not worse beyond noise."""
    gain, tail = measured.gain(LARGE), measured.tail(SMALL)
    sides = measured.candidate, measured.default
    speeds = [side[LARGE].windows_per_s for side in sides]
    p99 = [side[SMALL].recorder.percentile(99) * 1e3 for side in sides]
    bar = None if ending else BAR  # the bar is for whatever tune_serving may choose
    return [
        Row(
            f"tune.serving_gain{ending}",
            f"throughput, tuned / ONNX Runtime's defaults, batch {LARGE}",
            gain.value,
            bar,
            False,
            f"{gain}; {speeds[0]:.0f} and {speeds[1]:.0f} windows/s; {said}",
        ),
        Row(
            f"tune.serving_p99{ending}",
            f"p99, the same, batch {SMALL}: lower end of the interval",
            tail.low,
            1.0,
            True,
            f"{tail}; {p99[0]:.3g} and {p99[1]:.3g} ms",
        ),
    ]


def plain_run(graph: bytes) -> Run:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = list(Signal.names())
    return lambda windows, whole: session.run(names, {INPUT: windows})


if __name__ == "__main__":
    main()
