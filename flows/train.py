"""Train: bars to a trained, packaged, judged and (if asked) registered model."""

from collections.abc import Sequence

import mlflow
from tqdm import tqdm

from flows.command_line import given, parse, run
from flows.export import Published, publish
from flows.options import TrainOptions
from flows.training import Training, load, parameters, record, resumable, settings_of
from ordinis_mlflow.network import LSTMConfig, SignalLSTM, TrainingState, fit
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.tracking.checkpoints import log_checkpoint


def main(arguments: Sequence[str]) -> None:
    """The entry point ``train``."""
    options, config = parse(arguments, TrainOptions, LSTMConfig)
    train(options, config)


def train(options: TrainOptions, config: LSTMConfig) -> Published:
    """Train, package, judge and register in one run."""
    resumed = given(options.resume)
    if resumed:
        options, config = settings_of(resumed, options, config)
    training = load(options, config)
    checkpoint = resumable(resumed, training) if resumed else None

    with tracked_run(parameters(options, config), {}, apart=bool(resumed)) as run_:
        record(training)
        if resumed:
            mlflow.set_tag("ordinis.resumed_from", resumed)
            end_killed(resumed)
        state = train_network(training, checkpoint.state if checkpoint else None)
        return publish(training, training.checkpoint(state), run_.info.run_id)


def end_killed(run_id: str) -> None:
    """A process that was killed could not end its run: it would stay RUNNING for ever."""
    if mlflow.get_run(run_id).info.status == "RUNNING":
        mlflow.MlflowClient().set_terminated(run_id, "KILLED")


def train_network(training: Training, resume: TrainingState | None) -> TrainingState:
    """Fit, with a progress bar, losses by epoch and a checkpoint an epoch."""
    config, prepared = training.config, training.prepared
    network = SignalLSTM.untrained(prepared.train.table.shape[1], config)
    for epoch in resume.epochs if resume else ():
        log_epoch(epoch.number, epoch.train_loss, epoch.validation_loss)
    total = config.epochs * len(prepared.train)
    done = len(resume.epochs) * len(prepared.train) if resume else 0
    with tqdm(total=total, initial=done, unit="window", desc="training", mininterval=0.5) as bar:

        def after_epoch(state: TrainingState) -> None:
            last = state.epochs[-1]
            log_epoch(last.number, last.train_loss, last.validation_loss)
            log_checkpoint(training.checkpoint(state))
            bar.set_postfix(epoch=last.number, validation=f"{last.validation_loss:.4f}")

        return fit(
            network,
            prepared.train,
            prepared.validation,
            config,
            resume=resume,
            on_epoch=after_epoch,
            on_batch=bar.update,
        )


def log_epoch(number: int, train_loss: float, validation_loss: float) -> None:
    """Both losses under stable names, with the epoch as step."""
    losses = {"train/loss_nats": train_loss, "validation/loss_nats": validation_loss}
    mlflow.log_metrics(losses, step=number)


if __name__ == "__main__":
    run(main)
