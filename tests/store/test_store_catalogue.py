"""The catalogue, in SQLite and in PostgreSQL, alone and beside MLflow's tables."""

import json
import warnings
from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa
from revision_logs import DAY, SMALL, bars, history, log, revised, snapshot, table
from sqlalchemy.exc import SAWarning

from ordinis_mlflow.bars import COLUMNS
from ordinis_mlflow.errors import (
    FeatureSetChanged,
    InvalidConfig,
    InvalidRevisions,
    StoreError,
    UnknownSnapshot,
)
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.features.price import log_return
from ordinis_mlflow.features.volatility import high_low_range
from ordinis_mlflow.store import (
    Arrival,
    Catalogue,
    Dataset,
    Files,
    Ingest,
    Manifest,
    Store,
    ingest,
    materialize,
    read,
)
from ordinis_mlflow.store.tables import VERSION_TABLE
from ordinis_mlflow.verdict import Verdict

OURS = {
    "ordinis_feature_sets",
    "ordinis_snapshots",
    "ordinis_datasets",
    "ordinis_ingests",
    "ordinis_verdicts",
    VERSION_TABLE,
}
NOTHING = pd.DataFrame()


@pytest.fixture
def store(catalogue, tmp_path):
    return Store(Files(str(tmp_path / "store")), catalogue)


def arrival(frame, **changes):
    return replace(Arrival("test", bars(frame), NOTHING), **changes)


def connected(database):
    return sa.create_engine(database, poolclass=sa.NullPool).connect()


def entry(name, parent=""):
    """A data set's new head, what brought it, and its manifest."""
    manifest = Manifest("d", COLUMNS, (), fingerprint={name: (1.0,)})
    done = Ingest("d", manifest.name, parent, "test", 1, 0, "", 1)
    return Dataset("d", manifest.name, DAY), done, manifest


def changed(feature, factor):
    return replace(feature, compute=lambda *inputs: feature.compute(*inputs) * factor)


# Feature sets


def test_the_same_version_is_registered_as_often_as_one_likes(catalogue):
    first = catalogue.register(SMALL)
    assert first == SMALL.fingerprint()
    assert catalogue.register(SMALL) == first
    assert catalogue.register(replace(SMALL, version=2)) == first


def test_a_changed_feature_is_named_with_its_change(catalogue):
    catalogue.register(SMALL)
    returns, volatility, spread = SMALL.features
    other = replace(SMALL, features=(returns, changed(volatility, 1.01), spread))
    with pytest.raises(FeatureSetChanged) as refusal:
        catalogue.register(other)
    said = str(refusal.value)
    assert "small@1 computes something else" in said
    assert "realised_volatility_5 by 0.0099 of its size changed" in said
    assert "log_return_1" not in said
    assert "give it the new version 2" in said
    assert catalogue.register(replace(other, version=2)) == other.fingerprint()
    assert catalogue.register(SMALL) == SMALL.fingerprint()


def test_the_first_fingerprint_is_kept_where_the_arithmetic_is_another(catalogue):
    first = catalogue.register(SMALL)
    returns, *others = SMALL.features
    other = replace(SMALL, features=(changed(returns, 1 + 1e-13), *others))
    assert other.fingerprint() != first
    assert catalogue.register(other) == first


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (SMALL.features[::-1], "the order of its features changed"),
        (SMALL.features[:2], "high_low_range by inf of its size changed"),
        ((*SMALL.features, log_return(2)), "log_return_2 by inf of its size changed"),
    ],
)
def test_features_in_another_order_or_number_are_refused(catalogue, features, said):
    catalogue.register(SMALL)
    with pytest.raises(FeatureSetChanged, match=said):
        catalogue.register(replace(SMALL, features=features))


def test_a_changed_feature_set_materializes_nothing(store):
    source = snapshot(store, history("A", range(20)))
    materialize(store, source.name, SMALL)
    other = replace(SMALL, features=(*SMALL.features[:2], changed(high_low_range(), 2.0)))
    with pytest.raises(FeatureSetChanged, match=r"high_low_range by 0\.5"):
        materialize(store, source.name, other)
    assert len(store.catalogue.made_from(source.name)) == 1


# Data sets


def test_there_is_no_data_set_at_first(catalogue):
    assert catalogue.dataset("d") is None
    with pytest.raises(UnknownSnapshot, match="no data set 'd'; ingest bars under that name"):
        catalogue.head("d")


def test_the_head_advances_from_the_one_that_was_there(catalogue):
    one, two, other = entry("one"), entry("two", entry("one")[0].head), entry("other")
    assert catalogue.advance(*one, [])
    assert catalogue.dataset("d") == one[0]
    assert not catalogue.advance(*other, [])  # there is a data set already
    assert catalogue.advance(*two, [])
    stale = entry("stale", one[0].head)
    assert not catalogue.advance(*stale, [])  # another one came between
    assert catalogue.head("d") == two[0].head
    assert catalogue.ingests(two[0].head) == [two[1], one[1]]


def test_what_was_overtaken_leaves_nothing(catalogue, database):
    assert catalogue.advance(*entry("one"), [])
    assert not catalogue.advance(*entry("other"), [Verdict("v", True, 0.0, 1.0, "fine")])
    with connected(database) as connection:
        counts = {
            name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(OURS)
        }
    assert counts["ordinis_ingests"] == counts["ordinis_snapshots"] == 1
    assert counts["ordinis_verdicts"] == 0


def test_verdicts_are_those_of_the_ingest(catalogue):
    verdicts = [
        Verdict("stale_prices", False, 3.0, 0.0, "symbol 'é' stood still"),
        Verdict("splits", True, 0.0, 0.0, "none was found"),
    ]
    dataset, done, manifest = entry("one")
    assert catalogue.advance(dataset, done, manifest, verdicts)
    assert catalogue.verdicts(dataset.head) == verdicts
    assert catalogue.verdicts("f" * 32) == []


def test_bars_of_another_database_are_told(catalogue):
    with pytest.raises(StoreError, match=r"no ingest for bars snapshot f{32}; it belongs to an"):
        catalogue.ingests("f" * 32)


def test_snapshots_are_found_newest_first_and_recorded_once(catalogue):
    made = [
        Manifest("d", ("x",), (), bars=f"{number:032x}", features="small@1") for number in range(3)
    ]
    for manifest in (*made, made[0]):
        catalogue.record(manifest, "here")
    names = [manifest.name for manifest in made]
    assert catalogue.feature_snapshots("d", "small@1") == names[::-1]
    assert catalogue.feature_snapshots("d", "small@2") == []
    assert catalogue.feature_snapshots("e", "small@1") == []
    assert catalogue.made_from(made[1].bars) == [names[1]]


def test_what_is_in_the_catalogue_is_there_for_another_process(catalogue, database):
    assert catalogue.advance(*entry("one"), [])
    catalogue.register(SMALL)
    other = Catalogue(database)
    assert other.dataset("d") == entry("one")[0]
    other.close()


# Ingest and materialize


def test_what_came_in_is_the_lineage(store):
    whole = history("A", range(40))
    first = ingest(store, "a", arrival(whole.iloc[:30], source="first.csv"), known_after=DAY)
    again = ingest(store, "a", arrival(whole.iloc[:30], source="first.csv"))
    second = ingest(store, "a", arrival(whole.iloc[25:], source="second.csv"))
    assert [first.rows, again.rows, second.rows] == [30, 0, 10]
    assert first.snapshot == again.snapshot == again.parent == second.parent
    assert (first.parent, store.catalogue.head("a")) == ("", second.snapshot)
    assert store.catalogue.ingests(second.snapshot) == [second, again, first]
    assert store.catalogue.ingests(first.snapshot) == [again, first]
    assert table(read(store.files, second.snapshot)).equals(table(log(whole)))


def test_features_know_their_bars(store):
    whole = history("A", range(40))
    heads = [ingest(store, "a", arrival(whole.iloc[:n]), DAY).snapshot for n in (30, 40)]
    made = [materialize(store, head, SMALL) for head in heads]
    two = materialize(store, heads[1], replace(SMALL, version=2))
    assert store.catalogue.made_from(heads[0]) == [made[0].name]
    assert store.catalogue.made_from(heads[1]) == [made[1].name, two.name]
    assert store.catalogue.feature_snapshots("a", "small@1") == [each.name for each in made[::-1]]
    assert (made[1].dataset, made[1].bars, made[1].features) == ("a", heads[1], "small@1")
    assert made[1].fingerprint == dict(SMALL.fingerprint().values)


def test_data_sets_with_the_same_bars_are_kept_apart(store):
    heads = [ingest(store, name, arrival(history("A", range(9)))).snapshot for name in "ab"]
    assert heads[0] != heads[1]
    assert [store.catalogue.head(name) for name in "ab"] == heads


def test_a_late_and_a_corrected_bar_are_known_when_they_came(store):
    whole = history("A", range(30))
    ingest(store, "a", arrival(whole.drop(7)))
    corrected = revised(whole, [20], 0)
    done = ingest(store, "a", arrival(pd.concat([whole.iloc[[7]], corrected])))
    late = table(read(store.files, done.snapshot)).iloc[[7, 20]]
    assert done.rows == 2
    assert (abs(late["known_at"] - done.created_at) < 60 * 10**9).all()
    before = read(store.files, done.snapshot, as_of=int(late["known_at"].iloc[0]) - 1)
    assert table(before).equals(table(log(whole.drop(7))))


@pytest.mark.parametrize("wrong", ["", "  ", "x" * 129, "a\x00b", "\ud800", "a\nb"])
def test_a_data_set_needs_a_name(store, wrong):
    with pytest.raises(InvalidConfig, match="1 to 128 printable characters"):
        ingest(store, wrong, arrival(history("A", range(5))))


def test_the_delay_of_a_data_set(store):
    frame = history("A", range(0, 50, 5))
    with pytest.raises(InvalidConfig, match="known_after is -1 ns"):
        ingest(store, "a", arrival(frame), known_after=-1)
    ingest(store, "a", arrival(frame))
    assert store.catalogue.dataset("a").known_after == 5 * DAY  # the usual spacing
    ingest(store, "a", arrival(frame), known_after=5 * DAY)
    with pytest.raises(InvalidConfig, match=r"known 5 days .* not 1 days"):
        ingest(store, "a", arrival(frame), known_after=DAY)


def test_a_source_that_says_when_rows_were_known(store):
    frame = history("A", range(20), delay=3)
    later = pd.concat([frame, revised(frame, [4], int(frame["known_at"].max()) + DAY)])
    first = ingest(store, "a", arrival(frame, bars=log(frame)))
    second = ingest(store, "a", arrival(frame, bars=log(later)))
    assert (first.rows, second.rows) == (20, 1)
    assert store.catalogue.dataset("a").known_after == 3 * DAY
    assert table(read(store.files, second.snapshot)).equals(
        table(log(later).as_of(int(later["known_at"].max())))
    )
    with pytest.raises(InvalidRevisions, match="two values known at"):
        ingest(store, "a", arrival(frame, bars=log(frame.assign(volume=7.0))))
    assert store.catalogue.head("a") == second.snapshot


# The database


@pytest.mark.parametrize(
    "url", ["http://tracking:5000", "mysql://u@h/d", "databricks", "file:///mlruns", ""]
)
def test_a_catalogue_needs_a_database(url):
    with pytest.raises(InvalidConfig, match=r"needs the URL of a database .*ORDINIS_CATALOGUE"):
        Catalogue(url)


def test_a_database_that_cannot_be_used_is_told(tmp_path):
    with pytest.raises(StoreError, match="unable to open database file; make it reachable"):
        Catalogue(f"sqlite:///{tmp_path}/none/c.db")
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        Catalogue(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(
        StoreError, match=r"postgresql.* database cannot be used: connection is bad"
    ):
        Catalogue(f"postgresql+psycopg://nobody@/none?host={tmp_path}")


def test_tables_of_a_later_version_are_refused_and_left_alone(catalogue, database):
    catalogue.close()
    with connected(database) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))
        connection.commit()
    with pytest.raises(StoreError, match=r"have revision 0099, this version knows .* use the ver"):
        Catalogue(database)
    with connected(database) as connection:
        found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))
        assert found.scalar_one() == "0099"


def test_the_schema_is_that_of_the_code(catalogue, database):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from ordinis_mlflow.store.tables import metadata

    with connected(database) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        different = compare_metadata(context, metadata)
    # Indices and NOT NULL are written in the migration alone.
    flat = [one for each in different for one in (each if isinstance(each, list) else [each])]
    assert {one[0] for one in flat} <= {"remove_index", "modify_nullable"}, flat


def mlflow_store(database, folder):
    """MLflow's own tables, made as its server makes them; the engine is closed by the caller."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        return SqlAlchemyStore(database, folder.as_uri())


def tables(database):
    engine = sa.create_engine(database)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        found = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return found


@pytest.mark.parametrize("first", ["mlflow", "catalogue"])
def test_it_lives_beside_mlflow_in_one_database(database, tmp_path, first):
    if first == "mlflow":
        tracking = mlflow_store(database, tmp_path)
        alone = tables(database)
        catalogue = Catalogue(database)
    else:
        catalogue = Catalogue(database)
        alone = tables(database)
        tracking = mlflow_store(database, tmp_path)
    assert (OURS & alone == set()) == (first == "mlflow")
    both = tables(database)
    assert both >= {*OURS, "experiments", "runs", "alembic_version"}
    number = tracking.create_experiment("beside")
    assert tracking.get_experiment(number).name == "beside"
    catalogue.register(SMALL)
    assert catalogue.advance(*entry("one"), [])
    catalogue.close()
    tracking.engine.dispose()
    # Both come back, MLflow's own upgrade included, and touch nothing of the other.
    upgrade(database)
    again, tracking = Catalogue(database), mlflow_store(database, tmp_path)
    assert again.head("d") == entry("one")[0].head
    assert tracking.get_experiment(number).name == "beside"
    assert tables(database) == both
    again.close()
    tracking.engine.dispose()


def upgrade(database):
    """What `mlflow db upgrade` does."""
    from mlflow.store.db.utils import _upgrade_db

    engine = sa.create_engine(database)
    _upgrade_db(engine)
    engine.dispose()


def test_a_fingerprint_is_kept_as_exact_numbers(catalogue, database):
    catalogue.register(FeatureSet("one", 1, (log_return(1),)))
    with connected(database) as connection:
        text = connection.execute(sa.text("SELECT fingerprint FROM ordinis_feature_sets"))
        kept = json.loads(text.scalar_one())
    assert {name: tuple(values) for name, values in kept.items()} == dict(
        FeatureSet("one", 1, (log_return(1),)).fingerprint().values
    )
