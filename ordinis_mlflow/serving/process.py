"""One server process: its parts, put together."""

from concurrent.futures import ThreadPoolExecutor

from ordinis_mlflow.serving.app import ServingApp
from ordinis_mlflow.serving.arms import Arms
from ordinis_mlflow.serving.keys import guard
from ordinis_mlflow.serving.loading import Loader
from ordinis_mlflow.serving.prediction_logging import PredictionLogging
from ordinis_mlflow.serving.routes import routes
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.serving.watchers import counted
from ordinis_mlflow.telemetry import ServingMetrics

THREADS = 2


def create(settings: ServingSettings) -> ServingApp:
    """The application of one process."""
    metrics = ServingMetrics()
    loader = Loader(settings, ThreadPoolExecutor(THREADS, "model"), metrics)
    kept = settings.prediction_log
    logs = [PredictionLogging(kept, metrics)] if kept.log_folder else []
    service = Service(settings.limits, (counted(metrics), *logs))
    service.replace(Arms(loader.load(settings.model, "model", "1", "champion")))
    keys = guard(settings.access)
    readers = ThreadPoolExecutor(THREADS, "body")
    return ServingApp(routes(service, readers, metrics), keys, settings.limits, metrics, logs)
