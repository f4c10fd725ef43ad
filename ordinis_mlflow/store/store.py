"""Store: the files and the catalogue together, and where they are by default."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ordinis_mlflow.store.catalogue import Catalogue
from ordinis_mlflow.store.files import Files

STORE_VARIABLE, CATALOGUE_VARIABLE = "ORDINIS_STORE", "ORDINIS_CATALOGUE"
DEFAULT_FOLDER = ".ordinis/store"


@dataclass(frozen=True, eq=False)
class Store:
    """Snapshots of bars and features.

    What it promises: a snapshot never changes; its name says its content; a snapshot whose name can
    be read is whole; any number of processes may read and write.

    Attributes:
        files: where rows are.
        catalogue: what they are called.
    """

    files: Files
    catalogue: Catalogue


def open_store(tracking_uri: str, environment: Mapping[str, str] = os.environ) -> Store:
    """The store that the environment names.

    Args:
        tracking_uri: MLflow's, whose database holds the catalogue too.
        environment: ORDINIS_STORE, a folder or fsspec URL, default .ordinis/store below the working
            directory; ORDINIS_CATALOGUE, default the tracking database.

    Raises:
        InvalidConfig: one of them cannot be used.
    """
    files = Files(environment.get(STORE_VARIABLE, DEFAULT_FOLDER))
    return Store(files, Catalogue(environment.get(CATALOGUE_VARIABLE, tracking_uri)))
