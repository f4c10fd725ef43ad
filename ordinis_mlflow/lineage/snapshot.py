"""A snapshot as MLflow's dataset: what a run's dataset input says, and how it is loaded back.

MLflow imports this wherever it reads datasets, so the store is imported only when rows are read.
"""

import json
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

if TYPE_CHECKING:
    import pandas as pd

    from ordinis_mlflow.store import Manifest

SOURCE_TYPE = "ordinis_snapshot"


class SnapshotSource(DatasetSource):
    """Where a dataset's rows are: a snapshot in a store, as of a moment.

    Args:
        store: folder or URL.
        snapshot: its name.
        as_of: UTC nanoseconds; None for everything.
    """

    def __init__(self, store: str, snapshot: str, as_of: int | None = None) -> None:
        self.store, self.snapshot, self.as_of = store, snapshot, as_of

    @staticmethod
    def _get_source_type() -> str:
        return SOURCE_TYPE

    def load(self) -> "pd.DataFrame":
        """The rows: symbol, timestamp, known_at and a column for each value.

        Raises:
            UnknownSnapshot: the store has none of this name.
            DamagedSnapshot: a file is missing, cut or altered.
        """
        from ordinis_mlflow.revisions import LAST
        from ordinis_mlflow.store import Files, read

        moment = LAST if self.as_of is None else self.as_of
        return read(Files(self.store), self.snapshot, moment).frame

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        """Never from a bare text: a name alone does not say in which store."""
        return False

    @classmethod
    def _resolve(cls, raw_source: Any) -> "SnapshotSource":
        raise NotImplementedError("a snapshot is named with its store: SnapshotSource(...)")

    def to_dict(self) -> dict[str, Any]:
        """What MLflow keeps."""
        return {"store": self.store, "snapshot": self.snapshot, "as_of": self.as_of}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> "SnapshotSource":
        """Read what :meth:`to_dict` gave."""
        return cls(source_dict["store"], source_dict["snapshot"], source_dict["as_of"])


class SnapshotDataset(Dataset):
    """A snapshot as the input of a run; its digest is the snapshot's name.

    Args:
        store: folder or URL.
        manifest: of the snapshot.
        as_of: UTC nanoseconds; None for everything.
    """

    def __init__(self, store: str, manifest: "Manifest", as_of: int | None = None) -> None:
        self._manifest = manifest
        # MLflow keeps one source for each name and digest: another moment needs another name.
        name = manifest.dataset if as_of is None else f"{manifest.dataset} as of {as_of}"
        super().__init__(SnapshotSource(store, manifest.name, as_of), name, manifest.name)

    def _compute_digest(self) -> str:
        return self._manifest.name

    @property
    def profile(self) -> dict[str, Any]:
        """How much there is, what it was made from, and the symbols that are not in it."""
        manifest = self._manifest
        return {
            "revisions": manifest.rows,
            "features": manifest.features,
            "bars": manifest.bars,
            "left_out": list(manifest.left_out),
        }

    @property
    def schema(self) -> Schema:
        """Symbol, two times and the values."""
        columns: list[ColSpec | TensorSpec] = [ColSpec(DataType.string, "symbol")]
        columns += [ColSpec(DataType.datetime, name) for name in ("timestamp", "known_at")]
        columns += [ColSpec(DataType.double, name) for name in self._manifest.columns]
        return Schema(columns)

    def to_dict(self) -> dict[str, str]:
        """What MLflow keeps."""
        schema = json.dumps({"mlflow_colspec": self.schema.to_dict()})
        return {**super().to_dict(), "schema": schema, "profile": json.dumps(self.profile)}
