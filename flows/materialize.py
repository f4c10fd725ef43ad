"""Materialize: a snapshot of features over the bars of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlflow

from flows.command_line import NONE, given, parse, run
from ordinis_mlflow.features import FeatureSet, feature_set
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.store import Store, materialize, open_store, read_bars_manifest
from ordinis_mlflow.tracking import tracked_run


@dataclass(frozen=True)
class MaterializeOptions:
    """Parameters of the entry point ``materialize``.

    Attributes:
        dataset: whose newest bars are used.
        snapshot: of bars, instead of the newest ones.
        features: name and version of the feature set.
        leave_out: leave symbols with too few bars out, instead of refusing them.
    """

    dataset: str = "sp500"
    snapshot: str = NONE
    features: str = "technical@1"
    leave_out: bool = False

    def __post_init__(self) -> None:
        self.feature_set()

    def feature_set(self) -> FeatureSet:
        """What is computed."""
        return feature_set(self.features)

    def bars(self, store: Store) -> str:
        """Name of the bars snapshot.

        Raises:
            UnknownSnapshot: there is none, or no such data set.
            InvalidConfig: the snapshot is one of features.
        """
        name = given(self.snapshot) or store.catalogue.head(self.dataset)
        return read_bars_manifest(store.files, name).name


def main(arguments: Sequence[str]) -> None:
    """The entry point ``materialize``."""
    (options,) = parse(arguments, MaterializeOptions)
    store = open_store(mlflow.get_tracking_uri())
    bars = options.bars(store)
    with tracked_run(vars(options), {"ordinis.entry_point": "materialize"}):
        made = materialize(store, bars, options.feature_set(), options.leave_out)
        mlflow.log_input(SnapshotDataset(store.files.url, made), context="materialize")
        mlflow.set_tags({"ordinis.dataset": made.dataset, "ordinis.snapshot": made.name})
        mlflow.log_metrics({"rows": made.rows, "symbols_left_out": len(made.left_out)})
    print(f"{made.rows} rows of {made.features} on data set {made.dataset!r}, snapshot {made.name}")
    if made.left_out:
        print(f"  too few bars, left out: {', '.join(made.left_out)}")


if __name__ == "__main__":
    run(main)
