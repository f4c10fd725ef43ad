"""Tune: trials of the network's settings on folds before the test span; then one look at that span.

Workers share a study, and each trial is a child run. Ctrl-C keeps what is done, and
``-P study=<name>`` goes on with it.
"""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import mlflow

from flows.command_line import NONE, given, parse, run
from flows.export import Published
from flows.options import TrainOptions
from flows.training import Training, load, parameters, record
from flows.tune_workers import work_together
from flows.tuned_folds import folds_of, untouched_from
from flows.tuned_log import Progress, log_study
from flows.tuned_model import judge_once, publish_tuned, summary, train_both
from flows.tuned_space import refuse_set, space_of
from flows.tuned_study import Job, Measurement
from flows.tuned_trial import STATE, STUDY, Sheet, end_orphans
from ordinis_mlflow.errors import InvalidConfig, StudyError
from ordinis_mlflow.evaluation import Report, span_of
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.tracking import Judged, to_the_end, tracked_run
from ordinis_mlflow.tuning import Pulse, Study, Trial

PULSE = Pulse(every_s=10, dead_after_s=60)
INTERRUPTED = 130


@dataclass(frozen=True)
class TuneOptions:
    """Parameters of the entry point ``tune``, besides those of ``train`` and of a measurement.

    Attributes:
        study: its name, to go on with it; a new one by default.
        space: a JSON file, as ``Space.to_json`` writes it; the LSTM's own by default.
        trials: configurations in the whole study, now and before.
        timeout: no trial begins later than so many seconds after the start; 0 for no end.
        workers: processes; 0 for one a core.
        samples: of the bootstrap in the end.
    """

    study: str = NONE
    space: str = NONE
    trials: int = 60
    timeout: float = 0.0
    workers: int = 0
    samples: int = 1000

    def __post_init__(self) -> None:
        if self.trials < 1 or self.workers < 0 or not 0.0 <= self.timeout < float("inf"):
            raise InvalidConfig(
                "trials must be 1 or more, timeout and workers 0 or more, got "
                f"{self.trials}, {self.timeout}, {self.workers}"
            )
        if self.samples < 1:  # else it would be found out after all trials
            raise InvalidConfig(f"samples must be 1 or more, got {self.samples}")


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came of a tuning.

    Attributes:
        study: its name.
        best: the trial whose configuration was judged.
        report: on the test span, beside the default configuration.
        published: the registered model; None if none was asked for.
    """

    study: str
    best: Trial
    report: Report
    published: Published | None


def main(arguments: Sequence[str]) -> None:
    """The entry point ``tune``."""
    tune(*parse(arguments, TrainOptions, LSTMConfig, Measurement, TuneOptions))


def tune(
    options: TrainOptions, config: LSTMConfig, measurement: Measurement, tuning: TuneOptions
) -> Tuned:
    """Trials, figures, and in the end the best configuration beside the default one.

    Raises:
        StudyError: the study cannot be used, workers failed, or no trial is complete.
        SystemExit: after Ctrl-C or SIGTERM; what was done is kept and logged.
    """
    if given(options.resume):
        raise InvalidConfig(f"a tuning goes on by study=<name>, got resume={options.resume}")
    training = load(replace(options, register=NONE, alias=NONE), config)
    job = job_of(training, measurement, tuning)
    settings = {**parameters(options, config), **asdict(measurement), **asdict(tuning)}
    tags = {"ordinis.entry_point": "tune", STUDY: job.sheet.study}
    # A study that cannot be is refused before a run is started.
    with job.open() as study, tracked_run(settings, tags) as run_:
        record(training)
        info = run_.info
        sheet = replace(job.sheet, experiment_id=info.experiment_id, parent=info.run_id)
        job = replace(job, sheet=sheet)
        print(f"study {study.name}; go on with -P study={study.name}")
        _measure(job, study, tuning.workers)
        return _judge(training, study, measurement.trial_epochs, options, tuning)


def job_of(training: Training, measurement: Measurement, tuning: TuneOptions) -> Job:
    """What workers are told; refused is what cannot be measured."""
    options, config, data = training.options, training.config, training.data
    space = space_of(tuning.space)
    refuse_set(space, config)
    border = untouched_from(data.bars, options, config, space)
    embargo = measurement.embargo_time()
    folds_of(data, border, options, config, space, measurement.folds, embargo)
    prepared = training.prepared
    # Of the test span, symbols and dates are read: by them trials count as attempts at it.
    span = span_of(prepared.rows, prepared.split.test, options.horizon, options.cost_bps)
    name = given(tuning.study) or f"{data.features.dataset}-{uuid.uuid4().hex[:8]}"
    return Job(
        options=options,
        config=config,
        measurement=measurement,
        space=space,
        border=border,
        sheet=Sheet("", "", name, Judged.of(span)),  # until there is a run
        tracking_uri=mlflow.get_tracking_uri(),
        trials=tuning.trials,
        ends_at=time.time() + tuning.timeout if tuning.timeout else None,
        pulse=PULSE,
    )


def _measure(job: Job, study: Study, workers: int) -> None:
    """Let workers measure, and log what the study has then.

    Raises:
        SystemExit: it was stopped, and the run is ended KILLED.
    """
    stopped = None
    with Progress(study, job.trials) as progress:
        try:
            work_together(job, workers or os.cpu_count() or 1, progress.look)
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        except SystemExit as error:  # SIGTERM
            stopped = int(error.code or 0)
        finally:
            with to_the_end():
                end_orphans(job.sheet.parent)
                log_study(study)
                if stopped is not None:
                    # mlflow run makes it FAILED after Ctrl-C, whatever it was ended with.
                    mlflow.set_tag(STATE, "interrupted")
                    mlflow.end_run("KILLED")
    if stopped is not None:
        raise SystemExit(stopped)


def _judge(
    training: Training, study: Study, epochs: int, options: TrainOptions, tuning: TuneOptions
) -> Tuned:
    best = best_of(study)
    tuned, default = train_both(training, best.configuration, epochs)
    made, luck = judge_once(tuned, default, tuning.samples)
    print(summary(made, luck, best.configuration))
    published = publish_tuned(tuned, options.register, options.alias)
    return Tuned(study.name, best, made, published)


def best_of(study: Study) -> Trial:
    """The best complete trial; of several objectives, the front's best by the first of them.

    Raises:
        StudyError: no trial is complete.
    """
    front = study.best()
    if not front:
        failed = [trial.reason for trial in study.trials() if trial.state == "failed"]
        raise StudyError(
            f"no trial of study {study.name!r} is complete"
            + (f"; the first that failed: {failed[0]}" if failed else "; give it more time")
        )
    first = study.objectives[0].name
    return max(front, key=lambda trial: trial.values[first])


if __name__ == "__main__":
    run(main)
