"""Catalogue: which snapshots there are and what they were made from, in the tracking database.

The files are the truth about rows; the catalogue is the truth about names: which snapshot is the
head of a data set, what a version of a feature set computes, what came in when and from where.
"""

import json
import time
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

import ordinis_mlflow
from ordinis_mlflow.errors import FeatureSetChanged, InvalidConfig, StoreError, UnknownSnapshot
from ordinis_mlflow.features import FeatureSet, Fingerprint
from ordinis_mlflow.store.manifest import Manifest
from ordinis_mlflow.store.records import Dataset, Ingest
from ordinis_mlflow.store.tables import (
    DATASETS,
    FEATURE_SETS,
    INGESTS,
    SNAPSHOTS,
    VERDICTS,
    migrate,
)
from ordinis_mlflow.verdict import Verdict

WAIT_S = 60
"""How long a writer of SQLite waits for another one."""


class Catalogue:
    """The catalogue in one database.

    Safe to use from several processes; every write is one transaction.

    Args:
        url: SQLAlchemy URL of the tracking database.

    Raises:
        InvalidConfig: the URL is not one of a database.
        StoreError: the database cannot be used.
    """

    def __init__(self, url: str) -> None:
        kind = url.partition(":")[0]
        if kind.partition("+")[0] not in ("sqlite", "postgresql"):
            raise InvalidConfig(
                "the catalogue needs the URL of a database (sqlite:///... or postgresql://...), "
                f"got one that begins with {kind!r}: where MLflow's tracking server is reached "
                "over HTTP, set ORDINIS_CATALOGUE to the database behind it"
            )
        self._engine = _engine(url)
        try:
            migrate(self._engine)
        except StoreError:
            self.close()
            raise
        except sa.exc.SQLAlchemyError as error:
            self.close()
            raise StoreError(
                f"the catalogue's {kind} database cannot be used: {getattr(error, 'orig', error)}; "
                "make it reachable and writable, or set ORDINIS_CATALOGUE to another one"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def register(self, features: FeatureSet) -> Fingerprint:
        """Fix what this version of a feature set computes, or hold it to what was fixed.

        Raises:
            FeatureSetChanged: it computes something else now; features and gaps are named.
        """
        now = features.fingerprint()
        key = (FEATURE_SETS.c.name == features.name) & (FEATURE_SETS.c.version == features.version)
        with self._engine.begin() as connection:
            row = connection.execute(sa.select(FEATURE_SETS).where(key)).one_or_none()
            if row is None:
                values = {"name": features.name, "version": features.version}
                values |= {"fingerprint": json.dumps(dict(now.values)), **_written()}
                _insert_once(connection, FEATURE_SETS, values)
                row = connection.execute(sa.select(FEATURE_SETS).where(key)).one()
        fixed = Fingerprint({k: tuple(v) for k, v in json.loads(row.fingerprint).items()})
        if not fixed.matches(now):
            raise FeatureSetChanged(_change(features, fixed, now, row.written_by))
        return fixed

    def dataset(self, name: str) -> Dataset | None:
        """A data set, or None."""
        with self._engine.connect() as connection:
            query = sa.select(DATASETS).where(DATASETS.c.name == name)
            row = connection.execute(query).one_or_none()
        return Dataset(row.name, row.head, row.known_after) if row else None

    def head(self, name: str) -> str:
        """The newest bars snapshot of a data set; UnknownSnapshot if there is none."""
        found = self.dataset(name)
        if found is None:
            raise UnknownSnapshot(
                f"there is no data set {name!r}; ingest bars under that name first"
            )
        return found.head

    def advance(
        self, dataset: Dataset, ingest: Ingest, manifest: Manifest, verdicts: Sequence[Verdict]
    ) -> bool:
        """Make an ingest the data set's newest, if no other came between.

        Args:
            dataset: with the new head.
            ingest: its parent is the head that it was made on.
            manifest: of the new head.
            verdicts: of the quality checks.

        Returns:
            Whether it was done; if not, another ingest was faster: begin again from its head.
        """
        with self._engine.begin() as connection:
            if not _advance(connection, dataset, ingest.parent):
                return False
            _insert_once(connection, SNAPSHOTS, _row(manifest, ingest.created_at, ""))
            values = {name: getattr(ingest, name) for name in ingest.__dataclass_fields__}
            number = connection.execute(sa.insert(INGESTS).values(values)).inserted_primary_key
            assert number is not None
            for verdict in verdicts:
                row = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__}
                connection.execute(sa.insert(VERDICTS).values(ingest=number[0], **row))
        return True

    def record(self, manifest: Manifest, store: str) -> None:
        """Record a snapshot of features."""
        with self._engine.begin() as connection:
            _insert_once(connection, SNAPSHOTS, _row(manifest, time.time_ns(), store))

    def feature_snapshots(self, dataset: str, features: str) -> list[str]:
        """Names of the snapshots of a feature set over a data set, newest first."""
        query = (
            sa.select(SNAPSHOTS.c.name)
            .where((SNAPSHOTS.c.dataset == dataset) & (SNAPSHOTS.c.features == features))
            .order_by(SNAPSHOTS.c.created_at.desc())
        )
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def made_from(self, bars: str) -> list[str]:
        """Names of the feature snapshots that were computed from a bars snapshot."""
        query = sa.select(SNAPSHOTS.c.name).where(SNAPSHOTS.c.bars == bars)
        with self._engine.connect() as connection:
            return list(connection.execute(query.order_by(SNAPSHOTS.c.created_at)).scalars())

    def ingests(self, bars: str) -> list[Ingest]:
        """Everything that came into a bars snapshot, newest first."""
        found: list[Ingest] = []
        fields = [INGESTS.c[name] for name in Ingest.__dataclass_fields__]
        with self._engine.connect() as connection:
            while bars:
                query = sa.select(*fields).where(INGESTS.c.snapshot == bars)
                rows = connection.execute(query.order_by(INGESTS.c.id.desc())).all()
                found += [Ingest(**row._mapping) for row in rows]
                # One that added nothing has the snapshot itself for its parent.
                parents = [row.parent for row in rows if row.parent != bars]
                if not parents:
                    raise StoreError(
                        f"the catalogue has no ingest for bars snapshot {bars}; it belongs to "
                        "another database: set ORDINIS_CATALOGUE to that one"
                    )
                bars = parents[-1]
        return found

    def verdicts(self, bars: str) -> list[Verdict]:
        """The quality checks of every ingest that ended at a bars snapshot, oldest first."""
        fields = [VERDICTS.c[name] for name in Verdict.__dataclass_fields__]
        query = (
            sa.select(*fields)
            .join(INGESTS, VERDICTS.c.ingest == INGESTS.c.id)
            .where(INGESTS.c.snapshot == bars)
            .order_by(VERDICTS.c.id)
        )
        with self._engine.connect() as connection:
            return [Verdict(**row._mapping) for row in connection.execute(query)]


def _engine(url: str) -> sa.Engine:
    options = {"timeout": WAIT_S} if url.startswith("sqlite") else {}
    try:
        return sa.create_engine(url, connect_args=options)
    except (sa.exc.ArgumentError, ValueError, ImportError) as error:
        # What the parser says may quote a piece of the password.
        raise InvalidConfig(
            f"the catalogue's URL cannot be read ({type(error).__name__}); write "
            "postgresql://user:password@host/database, with a password's @ as %40 and / as %2F"
        ) from None


def _advance(connection: sa.Connection, dataset: Dataset, parent: str) -> bool:
    """Compare and swap the head."""
    values = {
        "head": dataset.head,
        "known_after": dataset.known_after,
        "updated_at": time.time_ns(),
    }
    if not parent:
        return _insert_once(connection, DATASETS, {"name": dataset.name, **values})
    swap = (DATASETS.c.name == dataset.name) & (DATASETS.c.head == parent)
    return connection.execute(sa.update(DATASETS).where(swap).values(values)).rowcount == 1


def _insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> bool:
    """Insert a row unless its key is taken; whether it was inserted."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(values).on_conflict_do_nothing()
    # The row itself is asked for: SQLAlchemy counts the rows of an INSERT under SQLite alone.
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _row(manifest: Manifest, now: int, store: str) -> dict[str, object]:
    names = ("name", "dataset", "bars", "features", "rows")
    return {**{n: getattr(manifest, n) for n in names}, "store": store, "created_at": now}


def _written() -> dict[str, object]:
    return {"written_by": ordinis_mlflow.__version__, "created_at": time.time_ns()}


def _change(features: FeatureSet, fixed: Fingerprint, now: Fingerprint, writer: str) -> str:
    gaps = fixed.differences(now)
    said = ", ".join(f"{name} by {gap:.2g} of its size" for name, gap in gaps.items())
    return (
        f"feature set {features.key} computes something else than when it was "
        f"registered by version {writer}: {said or 'the order of its features'} changed; restore "
        f"the computation, or give it the new version {features.version + 1}"
    )
