"""The network: an LSTM with a Student-t head, its training loop and its checkpoints."""

from ordinis_mlflow.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ordinis_mlflow.network.loss import negative_log_likelihood
from ordinis_mlflow.network.lstm import LSTMConfig, SignalLSTM
from ordinis_mlflow.network.predict import predict
from ordinis_mlflow.network.state import Epoch, TrainingState
from ordinis_mlflow.network.train import fit

__all__ = [
    "Checkpoint",
    "Epoch",
    "LSTMConfig",
    "SignalLSTM",
    "TrainingState",
    "fit",
    "load_checkpoint",
    "negative_log_likelihood",
    "predict",
    "save_checkpoint",
]
