"""Tuning of serving: the settings that are found, over ONNX Runtime's defaults on the same graph.

- The default model (float32) in a session as tuned, against a plain InferenceSession with default
  SessionOptions, which has as many intra-op threads as there are cores. Settings are searched for
  as ``tune_serving`` does; where the best is not faster than our default beyond noise, that is it.
- Why ONNX Runtime's own threads are no tunables: sessions with two of either kind, not cut into
  chunks, against our default settings.

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

TRIALS, TRIAL_S, CONFIRM_S, THREADS_S = 20, 3.0, 20.0, 8.0
FATAL = 4
SIZES = (1, 8, 64, 500)


def main() -> None:
    path = json_path(__doc__)
    package = measured().package()
    ours = SignalModel(package, settings=SessionSettings())
    graph = package.graphs["float32"]
    found, said = found_settings(TimedTrials(package, ours, TRIAL_S, 0.0))
    plain = plain_run(graph, options())
    over_plain = interleave(found.run, plain, ours.probe_bars, CONFIRM_S)
    rows = [*gained(over_plain, said)]
    for kind, chosen in own_threads().items():
        beside = interleave(plain_run(graph, chosen), ours.run, ours.probe_bars, THREADS_S)
        rows += threads_rows(kind, beside)
    report("Tuning of serving", rows, path)


def found_settings(trials: TimedTrials) -> tuple[SignalModel, str]:
    """The model as tuned, and how that came."""
    space = space_for(Machine.here(trials.default.provider), ("float32",))
    with open_study("bench", space, [GAIN], seed=7) as study:
        run_trials(study, trials, TRIALS)
        chosen = fastest(study)
    anew = trials.measure(chosen, CONFIRM_S)
    gain = anew.gain(LARGE)
    if gain.above and not trials.objection(anew):
        return trials.opened(chosen), f"{chosen.to_json()}, {gain} times our default"
    return trials.default, f"our default (the best other, {chosen.to_json()}: {gain} times it)"


def gained(measured: Interleaved, said: str) -> list[Row]:
    """Throughput, and p99: not worse beyond noise."""
    gain, tail = measured.gain(LARGE), measured.tail(SMALL)
    speeds = [side[LARGE].windows_per_s for side in (measured.candidate, measured.default)]
    detail = f"{gain}; {speeds[0]:.0f} and {speeds[1]:.0f} windows/s; {said}"
    p99 = [
        side[SMALL].recorder.percentile(99) * 1e3 for side in (measured.candidate, measured.default)
    ]
    return [
        Row(
            "tune.serving_gain",
            f"throughput, tuned / ONNX Runtime's defaults, batch {LARGE}",
            gain.value,
            1.3,
            False,
            detail,
        ),
        Row(
            "tune.serving_p99",
            f"p99, the same, batch {SMALL}: lower end of the interval",
            tail.low,
            1.0,
            True,
            f"{tail}; {p99[0]:.3g} and {p99[1]:.3g} ms",
        ),
    ]


def own_threads() -> dict[str, onnxruntime.SessionOptions]:
    """Sessions with ONNX Runtime's own threads, by what they have."""
    parallel = options(intra=1, inter=2)
    parallel.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    return {"intra": options(intra=2), "inter": parallel}


def threads_rows(kind: str, measured: Interleaved) -> list[Row]:
    return [
        Row(
            f"tune.{kind}_op_b{size}",
            f"throughput, two {kind}-op threads / our default, batch {size}",
            measured.gain(size).value,
            None,
            False,
            str(measured.gain(size)),
        )
        for size in SIZES
    ]


def options(intra: int = 0, inter: int = 0) -> onnxruntime.SessionOptions:
    """ONNX Runtime's defaults but for its log, and numbers of threads."""
    made = onnxruntime.SessionOptions()
    made.log_severity_level = FATAL
    made.intra_op_num_threads, made.inter_op_num_threads = intra, inter
    return made


def plain_run(graph: bytes, chosen: onnxruntime.SessionOptions) -> Run:
    session = onnxruntime.InferenceSession(graph, chosen, providers=["CPUExecutionProvider"])
    names = list(Signal.names())
    return lambda windows, whole: session.run(names, {INPUT: windows})


if __name__ == "__main__":
    main()
