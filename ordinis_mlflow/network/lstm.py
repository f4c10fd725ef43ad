"""SignalLSTM: windows of scaled features to the location and scale of a Student-t forecast."""

from dataclasses import asdict, dataclass

import torch
from torch import nn

from ordinis_mlflow.errors import InvalidConfig

LEAST_SCALE = 1e-3
"""Floor of the forecast scale, in units of volatility: a certain forecast would have none."""
UNIT_SCALE = 0.5413
"""The bias at which softplus gives 1: an untrained network forecasts current volatility."""
LARGEST = 1e18
"""Beyond it AdamW multiplies weights by numbers that float32 does not have."""


@dataclass(frozen=True)
class LSTMConfig:
    """Everything that a training run of the network depends on besides its data.

    Attributes:
        hidden_dim: units a layer.
        num_layers: LSTM layers.
        dropout: share dropped between layers and before the head, in [0, 1).
        sequence_length: rows of features that the network reads, bars.
        learning_rate: of AdamW.
        batch_size: windows a step.
        epochs: at most this many passes over the training windows.
        patience: epochs without a better validation loss before training stops.
        weight_decay: of AdamW.
        gradient_norm: gradients are clipped to this norm.
        degrees_of_freedom: of the Student-t head; even.
        mixed_precision: the forward pass in bf16 where the device has it, else in fp16 on GPUs and
            in float32 on CPUs.
        threads: CPU threads of the training. Two or more pay for networks several times the default
            size; on a machine that other work shares, they wait for each other most of the time.
        seed: of weights, batches and dropout.

    Raises:
        InvalidConfig: a value is outside its range.
    """

    hidden_dim: int = 64
    num_layers: int = 2
    dropout: float = 0.2
    sequence_length: int = 60
    learning_rate: float = 1e-3
    batch_size: int = 64
    epochs: int = 30
    patience: int = 6
    weight_decay: float = 1e-2
    gradient_norm: float = 1.0
    degrees_of_freedom: int = 6
    mixed_precision: bool = True
    threads: int = 1
    seed: int = 7

    def __post_init__(self) -> None:
        counts = ("hidden_dim", "num_layers", "sequence_length", "batch_size", "epochs", "patience")
        for name in (*counts, "threads"):
            if getattr(self, name) < 1:
                raise InvalidConfig(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("learning_rate", "gradient_norm"):
            if not 0 < getattr(self, name) <= LARGEST:
                raise InvalidConfig(
                    f"{name} must be positive and at most {LARGEST:g}, got {getattr(self, name)}"
                )
        if not 0 <= self.dropout < 1:
            raise InvalidConfig(f"dropout must be in [0, 1), got {self.dropout}")
        if not 0 <= self.weight_decay <= LARGEST:
            raise InvalidConfig(
                f"weight_decay must be 0 or more and at most {LARGEST:g}, got {self.weight_decay}"
            )
        if not 0 <= self.seed < 2**32:
            raise InvalidConfig(f"seed must be in [0, 2**32), got {self.seed}")

    def to_dict(self) -> dict[str, int | float | bool]:
        """Plain values for the tracking server and the checkpoint's header."""
        return asdict(self)


class SignalLSTM(nn.Module):
    """LSTM over the window, then location and scale from its last hidden state."""

    def __init__(self, features: int, config: LSTMConfig) -> None:
        super().__init__()
        between = config.dropout if config.num_layers > 1 else 0.0
        self.lstm = nn.LSTM(
            features, config.hidden_dim, config.num_layers, batch_first=True, dropout=between
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden_dim, 2)
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([0.0, UNIT_SCALE]))

    @classmethod
    def untrained(cls, features: int, config: LSTMConfig) -> "SignalLSTM":
        """A network whose first weights depend on the seed alone."""
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            return cls(features, config)

    def forward(self, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Forecast in units of current volatility.

        Args:
            windows: shape (batch, steps, features), float32, scaled.

        Returns:
            location and scale, each of shape (batch,); scale > 0.
        """
        states, _ = self.lstm(windows)
        head = self.head(self.dropout(states[:, -1]))
        return head[:, 0], nn.functional.softplus(head[:, 1]) + LEAST_SCALE
