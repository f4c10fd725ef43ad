"""TrainingState: everything a training needs to go on after its last finished epoch."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Epoch:
    """Losses of one pass, mean negative log-likelihood in nats.

    Attributes:
        number: counted from 1.
        train_loss: over the training windows, with dropout, while the weights moved.
        validation_loss: over the validation windows afterwards.
    """

    number: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True)
class TrainingState:
    """A training between two epochs.

    Attributes:
        weights: of the network after the last epoch.
        best_weights: of the epoch with the lowest validation loss.
        optimizer: AdamW's moments and step counts, keyed ``<parameter>.<name>``.
        loss_scaler: the GradScaler's state; empty where there is none.
        epochs: losses of every finished epoch, in order.
    """

    weights: Tensors
    best_weights: Tensors
    optimizer: Tensors = field(default_factory=dict)
    loss_scaler: dict[str, Any] = field(default_factory=dict)
    epochs: tuple[Epoch, ...] = ()

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are kept: lowest validation loss, the earliest of equals."""
        return min(self.epochs, key=lambda epoch: epoch.validation_loss, default=None)

    @property
    def stale_epochs(self) -> int:
        """Epochs since the best one."""
        return len(self.epochs) - self.best.number if self.best else 0

    def after(
        self, epoch: Epoch, weights: Tensors, optimizer: Tensors, loss_scaler: dict[str, Any]
    ) -> "TrainingState":
        """The state after one more epoch."""
        improved = self.best is None or epoch.validation_loss < self.best.validation_loss
        return replace(
            self,
            weights=weights,
            best_weights=weights if improved else self.best_weights,
            optimizer=optimizer,
            loss_scaler=loss_scaler,
            epochs=(*self.epochs, epoch),
        )
