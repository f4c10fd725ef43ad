"""Threads and processes that append at once, migrate at once, are killed: the chain stays whole."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from ledger_entries import ENTRY, engine_of, entry, write

from ordinis_mlflow.errors import LedgerBusy, LedgerError
from ordinis_mlflow.ledger import Ledger, Outbox
from ordinis_mlflow.ledger.tables import OUTBOX, VERSION_TABLE, metadata

OURS = {"ordinis_decisions", "ordinis_ledger_head", "ordinis_outbox", VERSION_TABLE}
PROCESSES, EACH = 4, 12


def assert_no_fork(ledger, count):
    """Numbers without gaps, and every decision saw all those before it."""
    found = ledger.decisions()[::-1]
    assert [decision.number for decision in found] == list(range(1, count + 1))
    assert [decision.entry.previous for decision in found] == [str(n) for n in range(count)]
    assert len({decision.entry.version for decision in found}) == count
    assert ledger.verify() == []


def test_processes_that_append_at_once_make_one_chain(worker, database):
    worker("race_append", database, PROCESSES, EACH)
    assert_no_fork(Ledger(engine_of(database)), PROCESSES * EACH)


def test_threads_that_append_at_once_make_one_chain(database):
    engine, gate = engine_of(database), threading.Barrier(8)

    def work(number):
        gate.wait()
        return write(Ledger(engine), engine, *[entry(version=f"{number}-{n}") for n in range(5)])

    with ThreadPoolExecutor(8) as pool:
        written = [decision for each in pool.map(work, range(8)) for decision in each]
    ledger = Ledger(engine)
    assert sorted(written, key=lambda decision: -decision.number) == ledger.decisions()
    assert len(written) == 40
    assert ledger.verify() == []


def test_a_verification_during_appends_raises_no_alarm(ledger, engine):
    write(ledger, engine, ENTRY)
    anchor, alarms = ledger.anchor(), []
    writer = threading.Thread(target=write, args=(ledger, engine, *[ENTRY] * 60))
    writer.start()
    while writer.is_alive():
        alarms += ledger.verify(anchor)
    assert alarms == []


def test_processes_make_the_tables_at_once(worker, database):
    worker("race_migrate", database, 6)
    assert Ledger(engine_of(database)).verify() == []


def test_killed_at_every_step_of_a_decision(worker, database):
    steps = list(map(int, worker("kill_at_every_step", database).split()))
    ledger, engine = Ledger(engine_of(database)), engine_of(database)
    kept = [int(decision.entry.version) for decision in ledger.decisions()[::-1]]
    # Killed before the commit, it is not there; the last two were after it.
    assert len(steps) >= 8
    assert kept == [steps[-1], steps[-1] + 1]
    with engine.connect() as connection:
        reactions = connection.execute(
            sa.select(OUTBOX.c.decision, OUTBOX.c.reaction).order_by(OUTBOX.c.id)
        ).all()
    assert reactions == [(n, name) for n in (1, 2) for name in ("webhook", "file")]
    write(ledger, engine, ENTRY)
    assert ledger.verify() == []


def test_killed_at_random_moments(worker, database):
    worker("kill_at_random", database, 8)
    ledger = Ledger(engine_of(database))
    found = ledger.decisions()
    assert found
    assert_saw_all(found[::-1])


def assert_saw_all(found):
    assert [d.entry.previous for d in found] == [str(n) for n in range(len(found))]


def test_a_wait_that_is_too_long_is_told(tmp_path):
    url = f"sqlite:///{tmp_path / 'busy.db'}"
    engine = sa.create_engine(url, connect_args={"timeout": 0.05}, poolclass=sa.NullPool)
    ledger = Ledger(engine)
    with engine.connect() as first, engine.connect() as second:
        ledger.append(first, ENTRY)
        with pytest.raises(LedgerBusy, match=r"in the way .*database is locked.* try again"):
            ledger.append(second, ENTRY)
        first.rollback()
    assert ledger.decisions() == []


def test_a_snapshot_that_is_older_cannot_fork(ledger, engine):
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        level, begin = None, "BEGIN"
    else:
        level, begin = "REPEATABLE READ", "SELECT 1"
    options = {"isolation_level": level} if level else {}
    with engine.connect().execution_options(**options) as late:
        late.exec_driver_sql(begin)
        late.exec_driver_sql("SELECT * FROM ordinis_ledger_head").all()
        write(ledger, engine, ENTRY)
        with pytest.raises(LedgerBusy, match="nothing was written, try again"):
            ledger.append(late, ENTRY)
        late.rollback()
    assert len(ledger.decisions()) == 1
    assert ledger.verify() == []


def test_tables_of_a_later_version_are_refused_and_left_alone(ledger, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0099'")
    for room in (Ledger, Outbox):
        with pytest.raises(LedgerError, match=r"ledger's tables have revision 0099, .* use the"):
            room(engine)


def test_a_database_that_cannot_be_used_is_told_without_its_password(tmp_path):
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(LedgerError, match="sqlite database refused: file is not a database"):
        Ledger(engine_of(f"sqlite:///{tmp_path}/text.db"))
    for url in (
        f"postgresql+psycopg://risk:s3cret@/none?host={tmp_path}",
        f"postgresql+psycopg://risk:s3cret@/none?host={tmp_path}&bad_option=s3cret",
    ):
        with pytest.raises(LedgerError, match="postgresql database refused") as refusal:
            Ledger(engine_of(url))
        assert "s3cret" not in str(refusal.value)


def test_the_schema_is_that_of_the_code(ledger, engine):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        different = compare_metadata(context, metadata)
    # Indices and NOT NULL are written in the migration alone.
    flat = [one for each in different for one in (each if isinstance(each, list) else [each])]
    assert {one[0] for one in flat} <= {"remove_index", "modify_nullable"}, flat


def change_ones_mind(ledger, registry):
    with registry.ManagedSessionMaker(read_only=False) as session:
        ledger.append(session.connection(), ENTRY)
        raise RuntimeError("changed my mind")


def test_it_writes_inside_a_transaction_of_mlflows_registry(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

        registry = SqlAlchemyStore(f"sqlite:///{tmp_path / 'registry.db'}")
    before = set(sa.inspect(registry.engine).get_table_names())
    ledger = Ledger(registry.engine)
    assert set(sa.inspect(registry.engine).get_table_names()) - before == OURS
    with registry.ManagedSessionMaker(read_only=False) as session:
        ledger.append(session.connection(), ENTRY)
    with pytest.raises(Exception, match="changed my mind"):
        change_ones_mind(ledger, registry)
    registry.create_registered_model("vol")
    assert len(ledger.decisions()) == 1
    assert ledger.verify() == []
    registry.engine.dispose()
