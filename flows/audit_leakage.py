"""Audit leakage: run a training on changed bars and report every score that did not vanish.

The run ends FINISHED whatever was found: the audit itself went well. What it found is in its tag
``ordinis.leakage`` (``clean`` or ``found``), in a metric and a tag for each check, and in the table
leakage.json; the process ends with status 1 where something was found, so that a build stops.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import mlflow
import pandas as pd
from tqdm import tqdm

from flows.audited import TrainingPipeline
from flows.command_line import NONE, agree, given, parse, run
from flows.options import TrainOptions
from flows.training import Training, load, parameters, recorded_settings
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.leakage import RUNS, audit
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.verdict import Verdict

CONTEXT = "audit"
TABLE = "leakage.json"


@dataclass(frozen=True)
class AuditOptions:
    """Parameters of ``audit_leakage`` besides those of the training that is audited.

    Attributes:
        run_id: a training run whose settings are audited, instead of typing them; fewer epochs may
            be asked for, and nothing else may contradict it.
        shuffle_seed: of the random order of bars.
    """

    run_id: str = NONE
    shuffle_seed: int = 7

    def __post_init__(self) -> None:
        if self.shuffle_seed < 0:
            raise InvalidConfig(f"shuffle_seed must be 0 or more, got {self.shuffle_seed}")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``audit_leakage``."""
    options, config, asked = parse(arguments, TrainOptions, LSTMConfig, AuditOptions)
    failed = [each.name for each in audit_leakage(options, config, asked) if not each.passed]
    if failed:
        sys.exit(f"a leak was found by {len(failed)} checks: {', '.join(failed)}")


def audit_leakage(
    options: TrainOptions, config: LSTMConfig, asked: AuditOptions
) -> Sequence[Verdict]:
    """Every verdict on the training that these settings describe, logged to one run."""
    refuse_other_purposes(options)
    run_id = given(asked.run_id)
    if run_id:
        options, config = audited_settings(run_id, options, config)
    training = load(options, config)
    settings = {**parameters(training.options, config), **asdict(asked)}
    tags = {"ordinis.entry_point": "audit_leakage"}
    with tracked_run(settings, tags, apart=bool(run_id)):
        data = training.data
        mlflow.log_input(SnapshotDataset(data.store, data.features, data.as_of), context=CONTEXT)
        mlflow.set_tag("ordinis.snapshot", data.features.name)
        verdicts = watched_audit(training, asked.shuffle_seed)
        log(verdicts)
    for verdict in verdicts:
        print(verdict)
    return verdicts


def refuse_other_purposes(options: TrainOptions) -> None:
    """An audit trains to throw away; what asks for more is refused.

    Raises:
        InvalidConfig: names the parameter.
    """
    for name in ("resume", "register", "alias"):
        if given(getattr(options, name)):
            raise InvalidConfig(
                f"{name} = {getattr(options, name)!r}: an audit goes on from no run and registers "
                "nothing; leave it out, and name the run to be audited with run_id"
            )


def audited_settings(
    run_id: str, options: TrainOptions, config: LSTMConfig
) -> tuple[TrainOptions, LSTMConfig]:
    """The settings of a run, with fewer epochs if asked for."""
    had_options, had_config = recorded_settings(run_id)
    had_options = replace(had_options, resume=NONE, register=NONE, alias=NONE)
    if config.epochs < had_config.epochs and config.epochs != LSTMConfig.epochs:
        had_config = replace(had_config, epochs=config.epochs)
    agree(options, had_options, run_id)
    agree(config, had_config, run_id)
    return had_options, had_config


def watched_audit(training: Training, seed: int) -> Sequence[Verdict]:
    """The audit with a progress bar; training that stops early leaves it short of its end."""
    total = RUNS * training.config.epochs * len(training.prepared.train)
    with tqdm(total=total, unit="window", desc="auditing", mininterval=0.5) as bar:
        return audit(TrainingPipeline.of(training, bar.update), training.bars, seed)


def log(verdicts: Sequence[Verdict]) -> None:
    """The figures as metrics, the sentences as tags, all of it as a table, and the outcome."""
    for verdict in verdicts:
        mlflow.log_metric(f"leakage/{verdict.name}", verdict.observed)
        mlflow.set_tag(f"ordinis.verdict.{verdict.name}", str(verdict)[:5000])
    # As objects: MLflow asks pandas for columns of these, and pandas 3 warns of other texts.
    texts = {"name": object, "reason": object}
    mlflow.log_table(pd.DataFrame([asdict(each) for each in verdicts]).astype(texts), TABLE)
    clean = all(verdict.passed for verdict in verdicts)
    mlflow.set_tag("ordinis.leakage", "clean" if clean else "found")


if __name__ == "__main__":
    run(main)
