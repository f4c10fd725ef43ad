"""What a run tells the tracking server: parameters, provenance, checkpoints, figures."""

from ordinis_mlflow.tracking.checkpoints import latest_checkpoint, log_checkpoint
from ordinis_mlflow.tracking.figures import log_figures
from ordinis_mlflow.tracking.run import tracked_run

__all__ = ["latest_checkpoint", "log_checkpoint", "log_figures", "tracked_run"]
