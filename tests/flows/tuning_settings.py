"""The smallest tuning: what its tests share."""

from flows.tuned_study import Measurement
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import Condition, FloatParam, IntParam, Space

CONFIG = LSTMConfig(hidden_dim=8, epochs=3)
MEASUREMENT = Measurement(method="random", folds=2, embargo="2D", trial_epochs=2)
SPACE = Space.of(
    LSTMConfig,
    (
        IntParam("num_layers", 1, 2),
        FloatParam("dropout", 0.0, 0.5),
        FloatParam("learning_rate", 1e-3, 1e-1, log=True),
        IntParam("sequence_length", 10, 60, step=10),
    ),
    (Condition("dropout", "num_layers", above=1),),
)
