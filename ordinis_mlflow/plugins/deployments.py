"""Entry point of the group mlflow.deployments: ``mlflow deployments create -t ordinis ...``."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE

from ordinis_mlflow.client import SignalClient
from ordinis_mlflow.errors import OrdinisError, ServingError
from ordinis_mlflow.serving.command import main
from ordinis_mlflow.serving.deployed import Deployment, Deployments

FOLDER = "ORDINIS_DEPLOYMENTS"
KEY = "ORDINIS_API_KEY"
FLAVOR = "ordinis"
HELP = f"""\
A deployment of the target `ordinis` is a server process on this machine, on a port of the loopback
interface; it goes on when the command that created it has ended.

  mlflow deployments create -t ordinis --name desk -m models:/sp500@champion -C workers=2
  mlflow deployments predict -t ordinis --name desk -I bars.json    # as pandas.read_json reads it
  mlflow deployments update -t ordinis --name desk -m models:/sp500/3
  mlflow deployments delete -t ordinis --name desk
  mlflow deployments run-local -t ordinis --name desk -m models:/sp500@champion    # until Ctrl-C

-C takes the parameters of `mlflow run . -e serve`; the port is a free one by default. An update
starts the new process beside the old one, on the same port; the old one ends when the new one
answers. States and logs lie in the folder {FOLDER} (default .ordinis/deployments).
Where a server asks for an API key, predict shows the one in {KEY}.
"""


def target_help() -> str:
    """What ``mlflow deployments help -t ordinis`` prints."""
    return HELP


def run_local(
    name: str,
    model_uri: str,
    flavor: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Serve in this process, until told to stop.

    MLflow's documentation has the target before the name; what MLflow does is to leave it out.
    """
    words = [word for key, value in (config or {}).items() for word in (f"--{key}", str(value))]
    with _told():
        main(["--model", model_uri, *words])


class OrdinisDeployments(BaseDeploymentClient):
    """Servers of this package on this machine.

    Args:
        target_uri: ``ordinis``.
    """

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        self._deployments = Deployments(Path(os.environ.get(FOLDER, ".ordinis/deployments")))

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Start a server, and wait until it answers."""
        with _told():
            return self._described(self._deployments.create(name, model_uri, config or {}))

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Let another server take over on the same port."""
        with _told():
            return self._described(self._deployments.update(name, model_uri, config))

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """Stop and forget a server; no failure if there is none."""
        with _told():
            self._deployments.delete(name)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """All of the folder, running or not."""
        return [self._described(each) for each in self._deployments.all()]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """What is known of one."""
        with _told():
            return self._described(self._deployments.get(name))

    def predict(
        self,
        deployment_name: str | None = None,
        inputs: Any = None,
        endpoint: str | None = None,
    ) -> PredictionsResponse:
        """Signals.

        Args:
            deployment_name: of the deployment.
            inputs: a frame of bars, for the latest signal of each symbol; or windows of shape
                (n, lookback, 5), for one signal each.
            endpoint: none are known.

        Raises:
            MlflowException: the bars break a rule, or the server does not answer.
        """
        with _told():
            found = self._deployments.get(deployment_name or "")
            if not self._deployments.runs(found):
                raise ServingError(f"deployment {found.name!r} does not run: delete or update it")
            with SignalClient(found.url, os.environ.get(KEY, "")) as client:
                return PredictionsResponse(predictions=_signals(client, inputs))

    def _described(self, deployment: Deployment) -> dict[str, Any]:
        return {
            "name": deployment.name,
            "flavor": FLAVOR,
            "model_uri": deployment.model_uri,
            "url": deployment.url,
            "running": self._deployments.runs(deployment),
            "config": dict(deployment.config),
        }


def _signals(client: SignalClient, inputs: Any) -> list[dict[str, Any]]:
    if not isinstance(inputs, pd.DataFrame):
        return client.predict(np.asarray(inputs, dtype=np.float64)).records()
    answered = client.signal(inputs)
    times = answered["timestamp"].map(lambda time: time.isoformat())
    rows = answered.assign(timestamp=times).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


@contextmanager
def _told() -> Iterator[None]:
    """MLflow asks its plugins for its own errors."""
    try:
        yield
    except ServingError as error:
        raise MlflowException(str(error), error_code=INTERNAL_ERROR) from error
    except OrdinisError as error:
        raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from error
