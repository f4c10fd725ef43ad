"""Challenge: a network that has learnt nothing asks for production, and the gates say no."""

from dataclasses import replace

import mlflow

from flows.gated import gated_registry
from flows.packaging import BarWindows, build_package
from flows.promote import promote
from flows.training import Training
from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidConfig, PromotionRefused
from ordinis_mlflow.network import SignalLSTM, TrainingState


def bad_challenger(training: Training, model: str) -> str | None:
    """Register an untrained network and ask for its promotion.

    Args:
        training: of the champion; the network has the same shape, and none of its weights.
        model: name in the registry.

    Returns:
        Why it was refused; None where the registry has no gates.

    Raises:
        InvalidConfig: it was not refused: the gates do not work.
    """
    try:
        gated_registry()
    except InvalidConfig:
        return None
    version = registered(untrained(training), training, model)
    try:
        promote(model, version, "Production", "a demonstration: it has learnt nothing")
    except PromotionRefused as error:
        return str(error)
    raise InvalidConfig(f"an untrained network was promoted to {model}: the policy asks too little")


def untrained(training: Training) -> TrainingState:
    """The state of a training before its first step."""
    network = SignalLSTM.untrained(len(training.prepared.scaler.names), training.config)
    weights = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return TrainingState(weights, weights)


def registered(state: TrainingState, training: Training, model: str) -> str:
    """Package and register; the version's number."""
    options = replace(training.options, int8=False, fp16=False, recalibrate=False)
    plain = replace(training, options=options)
    with mlflow.start_run(run_name="bad challenger", nested=True):
        mlflow.set_tag("ordinis.entry_point", "main: a challenger that has learnt nothing")
        package = build_package(plain, plain.checkpoint(state), BarWindows(plain))
        info = flavor.log_model(package, registered_model_name=model)
    return str(info.registered_model_version)
