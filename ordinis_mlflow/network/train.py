"""The training loop: one page. It knows neither MLflow nor files; who calls it logs and saves."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from ordinis_mlflow.errors import TrainingDiverged
from ordinis_mlflow.features import Samples
from ordinis_mlflow.network.dataset import DeviceSamples
from ordinis_mlflow.network.loss import negative_log_likelihood
from ordinis_mlflow.network.lstm import LSTMConfig
from ordinis_mlflow.network.precision import Precision
from ordinis_mlflow.network.state import Epoch, Tensors, TrainingState

EVALUATION_BATCH = 512


def fit(
    network: nn.Module,
    train: Samples,
    validation: Samples,
    config: LSTMConfig,
    *,
    device: torch.device | None = None,
    resume: TrainingState | None = None,
    on_epoch: Callable[[TrainingState], None] = lambda state: None,
    on_batch: Callable[[int], None] = lambda windows: None,
) -> TrainingState:
    """Train until the validation loss stops falling; leave the best epoch's weights in the network.

    Batches and dropout of an epoch depend on the seed and the epoch's number alone, so a training
    that goes on from a state ends with the same weights as one that was never stopped.

    Args:
        network: windows to location and scale.
        train: what the weights are fitted to.
        validation: what decides when to stop; nothing else reads it.
        config: see LSTMConfig.
        device: by default a GPU where there is one.
        resume: the state to go on from.
        on_epoch: called with the state after each epoch.
        on_batch: called with the number of windows of each training batch.

    Returns:
        The state after the last epoch.

    Raises:
        TrainingDiverged: the validation loss is not a finite number.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = Precision.choose(device, config.mixed_precision)
    network.to(device)
    training, judging = DeviceSamples(train, device), DeviceSamples(validation, device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    loss_scaler = torch.amp.GradScaler(device.type, enabled=precision.scales_loss)
    state = resume or TrainingState(_weights(network), _weights(network))
    _restore(state, network, optimizer, loss_scaler)

    generators = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=generators), _threads(config.threads):
        while len(state.epochs) < config.epochs and state.stale_epochs < config.patience:
            number = len(state.epochs) + 1
            torch.manual_seed(config.seed * 100_003 + number)
            train_loss = _pass(
                network, training, config, precision, optimizer, loss_scaler, on_batch
            )
            validation_loss = evaluate(network, judging, config.degrees_of_freedom)
            if not math.isfinite(validation_loss):
                raise TrainingDiverged(
                    f"validation loss is {validation_loss} after epoch {number}; "
                    f"lower learning_rate ({config.learning_rate}) or gradient_norm "
                    f"({config.gradient_norm}), or turn mixed_precision off"
                )
            epoch = Epoch(number, train_loss, validation_loss)
            moments = _moments(optimizer)
            state = state.after(epoch, _weights(network), moments, loss_scaler.state_dict())
            on_epoch(state)

    network.load_state_dict(state.best_weights)
    return state


def evaluate(network: nn.Module, samples: DeviceSamples, degrees_of_freedom: int) -> float:
    """Mean negative log-likelihood in nats, in float32 and without dropout, as served."""
    network.eval()
    total = 0.0
    with torch.no_grad():
        for windows, labels in samples.in_order(EVALUATION_BATCH):
            location, scale = network(windows)
            loss = negative_log_likelihood(location, scale, labels, degrees_of_freedom)
            total += loss.item() * len(labels)
    return total / len(samples)


def _pass(
    network: nn.Module,
    samples: DeviceSamples,
    config: LSTMConfig,
    precision: Precision,
    optimizer: torch.optim.Optimizer,
    loss_scaler: torch.amp.GradScaler,
    on_batch: Callable[[int], None],
) -> float:
    """One pass over the training windows; the mean loss in nats."""
    network.train()
    device = next(network.parameters()).device
    # Kept on the device: reading the loss of every batch would wait for the GPU each time.
    total = torch.zeros((), device=device)
    for windows, labels in samples.shuffled(config.batch_size):
        with precision.autocast(device):
            location, scale = network(windows)
        loss = negative_log_likelihood(location, scale, labels, config.degrees_of_freedom)
        optimizer.zero_grad(set_to_none=True)
        loss_scaler.scale(loss).backward()
        loss_scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), config.gradient_norm)
        loss_scaler.step(optimizer)
        loss_scaler.update()
        total += loss.detach() * len(labels)
        on_batch(len(labels))
    return total.item() / len(samples)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    previous = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(previous)


def _weights(network: nn.Module) -> Tensors:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def _moments(optimizer: torch.optim.Optimizer) -> Tensors:
    per_parameter: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": value.detach().cpu().clone()
        for index, values in per_parameter.items()
        for name, value in values.items()
    }


def _restore(
    state: TrainingState,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_scaler: torch.amp.GradScaler,
) -> None:
    network.load_state_dict(state.weights)
    if not state.optimizer:
        return
    per_parameter: dict[int, Tensors] = {}
    for key, value in state.optimizer.items():
        index, name = key.split(".", 1)
        per_parameter.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": per_parameter})
    if state.loss_scaler and loss_scaler.is_enabled():
        loss_scaler.load_state_dict(state.loss_scaler)
