"""A worker's lease on what is under way: prolonged, given back, lost, and never held twice."""

import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa

from ordinis_mlflow.errors import LoopOvertaken
from ordinis_mlflow.retraining import (
    COOL_DOWN,
    EVALUATE,
    RETRAIN,
    Desk,
    Lease,
    LoopState,
    RetrainPolicy,
    Step,
    ask,
    failed,
    trained,
)

POLICY = RetrainPolicy()
SHORT = 0.4


@pytest.fixture
def desk(database):
    engine = sa.create_engine(database)
    yield Desk(engine)
    engine.dispose()


@pytest.fixture
def begun(desk):
    return desk.write(desk.read("m"), ask(LoopState(), "a test"), at=1)


def noted(desk, bar):
    kept = desk.read("m")
    return desk.write(kept, Step(replace(kept.state, seen=bar), "noted"), at=2)


def test_it_is_prolonged_and_keeps_others_away(desk, begun):
    with Lease(desk, begun, SHORT) as lease:
        time.sleep(2.5 * SHORT)
        with pytest.raises(LoopOvertaken, match="s more"):
            Lease(desk, desk.read("m"))
        assert not lease.lost
        lease.check()


def test_it_is_given_back(desk, begun):
    with Lease(desk, begun):
        pass
    Lease(desk, begun)


def test_of_many_at_once_one_has_it(desk, begun):
    found = []

    def take():
        try:
            found.append(Lease(desk, begun))
        except LoopOvertaken:
            found.append(None)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(each is not None for each in found) == 1


def test_what_monitors_note_meanwhile_is_kept(desk, begun):
    with Lease(desk, begun) as lease:
        noted(desk, 5)
        with pytest.raises(LoopOvertaken):
            Lease(desk, desk.read("m"))
        kept = lease.write(lambda state: trained(state, "run", "7"))
    assert (kept.state.phase, kept.state.seen, kept.state.challenger) == (EVALUATE, 5, "7")
    assert desk.read("m") == kept
    assert kept.worker == ""


def test_one_that_is_over_is_taken_and_lost(desk, begun):
    slow = Lease(desk, begun, 0.0)  # nobody prolongs it
    with Lease(desk, begun) as quick:
        with pytest.raises(LoopOvertaken, match="took over"):
            slow.check()
        with pytest.raises(LoopOvertaken, match="took over"):
            slow.write(lambda state: failed(state, "too late", POLICY))
        assert quick.write(lambda state: failed(state, "x", POLICY)).state.phase == COOL_DOWN


def test_one_whose_work_somebody_has_done_is_lost(desk, begun):
    with Lease(desk, begun, SHORT) as lease:
        kept = desk.read("m")
        desk.write(kept, failed(kept.state, "by hand", POLICY), at=3)
        for _ in range(100):
            if lease.lost:
                break
            time.sleep(SHORT / 8)
        assert lease.lost
        with pytest.raises(LoopOvertaken, match="nothing is under way"):
            lease.check()


def test_nothing_can_be_taken_where_nothing_is_under_way(desk):
    with pytest.raises(LoopOvertaken, match="nothing is under way"):
        Lease(desk, desk.read("m"))
    assert desk.read("m").revision == 0


def test_a_lease_is_of_one_phase(desk, begun):
    with Lease(desk, begun) as lease:
        lease.write(lambda state: trained(state, "run", "7"))
    assert begun.state.phase == RETRAIN
    with pytest.raises(LoopOvertaken):
        Lease(desk, begun)
