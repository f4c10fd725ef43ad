"""The desk that keeps where each model's loop stands, in both kinds of database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from ordinis_mlflow.errors import LoopOvertaken, RetrainingError
from ordinis_mlflow.retraining import EVALUATE, RETRAIN, WARN, Desk, Event, Kept, LoopState, Step

STATE = LoopState(phase=WARN, seen=7, alarms=(3, 7))
STEP = Step(STATE, "warned: σ is large", loud=True)
SECOND = 1_000_000_000


@pytest.fixture
def engine(database):
    made = sa.create_engine(database)
    yield made
    made.dispose()


@pytest.fixture
def desk(engine):
    return Desk(engine)


def test_what_was_written_is_read_with_its_history(desk, engine):
    assert desk.read("sp500") == Kept("sp500", LoopState())
    written = desk.write(desk.read("sp500"), STEP, at=11)
    assert Desk(engine).read("sp500") == written == Kept("sp500", STATE, 1)
    assert desk.history("sp500") == (Event(11, 7, WARN, "warned: σ is large", True),)
    assert desk.read("nasdaq").revision == 0
    assert desk.history("nasdaq") == ()


def test_of_two_who_go_on_from_the_same_state_one_succeeds(desk):
    for begin in (desk.read("sp500"), desk.write(desk.read("nasdaq"), STEP, 1)):
        desk.write(begin, STEP, at=2)
        with pytest.raises(LoopOvertaken):
            desk.write(begin, replace(STEP, note="too late"), at=3)
        assert "too late" not in [event.note for event in desk.history(begin.model)]


def test_so_do_not_many_at_once(desk):
    begin = desk.write(desk.read("sp500"), STEP, at=1)

    def go_on(number):
        try:
            return desk.write(begin, replace(STEP, note=str(number)), at=2)
        except LoopOvertaken:
            return None

    with ThreadPoolExecutor(8) as pool:
        done = [each for each in pool.map(go_on, range(24)) if each]
    assert len(done) == 1
    assert desk.read("sp500") == done[0]
    assert len(desk.history("sp500")) == 2


def test_to_advance_is_to_look_again_at_what_others_have_left(desk):
    asked = []

    def follow(state):
        asked.append(state.trigger)
        if len(asked) == 1:  # somebody is faster
            desk.write(desk.read("sp500"), Step(LoopState(trigger=5), ""), at=1)
        return Step(replace(state, trigger=state.trigger + 1), "one more")

    before, after, step = desk.advance("sp500", follow)
    assert asked == [0, 5]
    assert (before.state.trigger, after.state.trigger, after.revision) == (5, 6, 2)
    assert desk.read("sp500") == after
    assert step.note == desk.history("sp500")[-1].note
    assert desk.advance("sp500", lambda state: Step(state, "nothing new"))[:2] == (after, after)


def test_a_lease_keeps_others_away_until_it_is_over(desk):
    kept = desk.claim(desk.write(desk.read("sp500"), STEP, at=1), "one", 0, 10 * SECOND)
    with pytest.raises(LoopOvertaken, match="one's for 4 s more"):
        desk.claim(desk.read("sp500"), "two", 6 * SECOND, 10 * SECOND)
    longer = desk.claim(kept, "one", 6 * SECOND, 10 * SECOND)
    assert longer.lease_until == 16 * SECOND
    with pytest.raises(LoopOvertaken):
        desk.claim(desk.read("sp500"), "two", 11 * SECOND, 10 * SECOND)
    taken = desk.claim(desk.read("sp500"), "two", 16 * SECOND, 10 * SECOND)
    assert taken.worker == "two"
    with pytest.raises(LoopOvertaken):  # the first was not dead, only slow
        desk.write(longer, STEP, at=17)
    assert desk.write(taken, STEP, at=17).worker == ""


def test_a_lease_outlives_what_monitors_note_and_ends_with_the_work(desk):
    def written(kept, **changes):
        return desk.write(kept, Step(replace(kept.state, **changes), "noted"), at=1)

    begun = written(desk.read("sp500"), phase=RETRAIN, trigger=1)
    claimed = desk.claim(begun, "one", 0, 10 * SECOND)
    noted = written(claimed, seen=9)
    assert (noted.worker, noted.lease_until) == ("one", 10 * SECOND)
    assert written(noted, phase=EVALUATE).worker == ""


def test_a_state_of_a_later_version_is_refused(desk, engine):
    desk.write(desk.read("sp500"), STEP, at=1)
    with engine.begin() as connection:
        connection.execute(sa.text('UPDATE ordinis_loops SET state = \'{"phase": "dream"}\''))
    with pytest.raises(RetrainingError):
        desk.read("sp500")
