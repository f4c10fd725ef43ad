"""The gated registry: what it costs where nothing is gated, and how long the gates take.

- Overhead: 1,000 searches and tag writes through the gated store over the same through MLflow's
  own, each on a SQLite database of its own, in turn.
- Gates: promotions of the demo's model, trained for fewer epochs, through every gate of the
  built-in policy, from the request to the committed decision; the first without a champion, the
  others against the one before.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from bench.measure import Row, json_path, paired, report, spread
from ordinis_mlflow.registry import GatedStore

CALLS, ROUNDS = 1_000, 9
EPOCHS, PROMOTED = 4, 3


def main() -> None:
    path = json_path(__doc__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's and SQLAlchemy's, of how tables are mapped
        report("The gated registry", [overhead(), gates()], path)


def overhead() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        stores = [
            kind(f"sqlite:///{folder}/{name}.db")
            for name, kind in (("gated", GatedStore), ("plain", SqlAlchemyStore))
        ]
        ours, plain = (calls_of(store) for store in stores)
        pair = paired(ours, plain, ROUNDS, 1)
    detail = f"{CALLS} calls a round: {spread(pair, 1e3, 'ms')}"
    return Row("registry.overhead", "gated store / MLflow's own", pair.ratio, 1.05, True, detail)


def calls_of(store: Any) -> Callable[[], None]:
    """Half searches, half tag writes, on a model of ten versions."""
    store.create_registered_model("model")
    for _ in range(10):
        store.create_model_version("model", "/tmp/nowhere", None)

    def run() -> None:
        for number in range(CALLS // 2):
            store.search_model_versions("name = 'model'")
            store.set_model_version_tag(
                "model", str(1 + number % 10), ModelVersionTag("note", str(number))
            )

    return run


def gates() -> Row:
    from flows.options import TrainOptions
    from flows.promote import promote
    from flows.train import train
    from ordinis_mlflow.network import LSTMConfig

    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(f"ordinis+{uri}")
        mlflow.create_experiment("bench", (Path(folder) / "artifacts").as_uri())
        mlflow.set_experiment("bench")
        os.environ["ORDINIS_STORE"] = f"{folder}/store"
        options = TrainOptions(register="sp500", int8=False)
        seconds = []
        for _ in range(PROMOTED):
            made = train(options, replace(LSTMConfig(), epochs=EPOCHS))
            start = time.perf_counter()
            promote("sp500", str(made.version), "Production")
            seconds.append(time.perf_counter() - start)
    detail = "each of them: " + ", ".join(f"{each:.1f} s" for each in seconds)
    return Row("registry.gates_seconds", "s for a promotion", max(seconds), 10, True, detail)


if __name__ == "__main__":
    main()
