"""The bars as a dataset input of the run."""

import mlflow
import mlflow.data.pandas_dataset
from mlflow.data.code_dataset_source import CodeDatasetSource

from ordinis_mlflow.bars import Bars

DIGEST_LENGTH = 32
"""The tracking store keeps 36 characters; 128 bits of the SHA-256 are these."""


def log_bars(bars: Bars, name: str, source: str) -> None:
    """Log bars with a digest of all their rows and times.

    MLflow's own digest of a DataFrame reads its first 10,000 rows and no timestamps.

    Args:
        bars: what the run trains on.
        name: of the dataset.
        source: where they came from, without secrets.
    """
    dataset = mlflow.data.pandas_dataset.from_pandas(
        bars.frame,
        source=CodeDatasetSource({"bars": source}),
        name=name,
        digest=bars.digest()[:DIGEST_LENGTH],
    )
    mlflow.log_input(dataset, context="training")
