"""What tests of lineage share: bars that grew, features of both, and models trained on them."""

from types import SimpleNamespace

import pytest
from own_store import own_store, words


@pytest.fixture(scope="module")
def history(small_frame, tracking_store, tmp_path_factory):
    """Two snapshots of bars in one data set, another data set, and features of all three."""
    from flows import ingest, materialize

    folder = tmp_path_factory.mktemp("lineage")
    early = small_frame[small_frame["timestamp"] < "2021-02-01"]
    found = {}
    with own_store(folder) as store:
        for name, dataset, frame in (
            ("old", "traded", early),
            ("new", "traded", small_frame),
            ("other", "other", early),
        ):
            path = folder / f"{name}.parquet"
            frame.to_parquet(path)
            ingest.main(words(bars=path, dataset=dataset))
            materialize.main(words(dataset=dataset))
            bars = store.catalogue.head(dataset)
            (features,) = store.catalogue.made_from(bars)
            found[name] = SimpleNamespace(source=str(path), bars=bars, features=features)
        yield SimpleNamespace(store=store, folder=folder, **found)


@pytest.fixture(scope="module")
def trained_run(history):
    """A run that trained on a snapshot, as far as lineage is concerned; its id."""
    from flows.options import TrainOptions
    from flows.training import load, record
    from ordinis_mlflow.network import LSTMConfig
    from ordinis_mlflow.tracking import tracked_run

    config = LSTMConfig(hidden_dim=8, num_layers=1, sequence_length=10, epochs=1)

    def call(snapshot, **options):
        training = load(TrainOptions(snapshot=snapshot, int8=False, **options), config)
        with tracked_run({}, {"ordinis.entry_point": "train"}) as run:
            record(training)
        return run.info.run_id

    return call
