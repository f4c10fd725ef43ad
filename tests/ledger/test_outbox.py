"""The outbox: every reaction is there as its decision is, and one worker at a time has it."""

import pytest
from ledger_entries import ENTRY, engine_of, entry

from ordinis_mlflow.errors import InvalidConfig, LedgerError
from ordinis_mlflow.ledger import Outbox
from ordinis_mlflow.ledger.outbox import ERROR_LENGTH, SECOND

NOW, LEASE = ENTRY.at, 60 * SECOND


@pytest.fixture
def outbox(engine):
    return Outbox(engine)


@pytest.fixture
def decide(ledger, outbox, engine):
    """Decide something, with reactions to it."""

    def call(*reactions, at=NOW):
        with engine.begin() as connection:
            decision = ledger.append(connection, entry(at=at))
            outbox.enqueue(connection, decision, reactions)
        return decision

    return call


def test_an_item_is_claimed_once_and_done_once(outbox, decide):
    decision = decide("webhook", "file")
    webhook, file = outbox.claim(NOW, LEASE)
    assert (webhook.reaction, webhook.decision, webhook.attempts) == ("webhook", 1, 1)
    assert (webhook.key, webhook.last_error) == (f"webhook:{decision.hash}", "")
    assert file.key != webhook.key
    assert outbox.claim(NOW, LEASE) == []
    assert outbox.done(webhook, NOW)
    assert not outbox.done(webhook, NOW)
    assert outbox.waiting() == 1
    assert outbox.done(file, NOW)
    assert outbox.claim(NOW + 10 * LEASE, LEASE) == []
    assert outbox.waiting() == 0


def test_a_decision_that_was_rolled_back_has_no_reaction(outbox, ledger, engine):
    with engine.connect() as connection:
        outbox.enqueue(connection, ledger.append(connection, ENTRY), ["webhook"])
        connection.rollback()
    assert outbox.waiting() == 0


def test_a_reaction_to_a_decision_is_there_once(outbox, decide, engine):
    decision = decide("webhook")
    with (
        engine.connect() as connection,
        pytest.raises(LedgerError, match=r"(?i)unique"),
    ):
        outbox.enqueue(connection, decision, ["webhook"])
    decide("webhook")
    decide()
    assert outbox.waiting() == 2


def test_an_item_whose_worker_died_is_due_again_with_the_same_key(outbox, decide):
    decide("webhook")
    (first,) = outbox.claim(NOW, LEASE)
    assert outbox.claim(NOW + LEASE - 1, LEASE) == []
    (second,) = outbox.claim(NOW + LEASE, LEASE)
    assert (second.key, second.attempts) == (first.key, 2)
    # The first was only slow. It changes nothing of what the second holds.
    assert not outbox.done(first, NOW)
    assert not outbox.failed(first, "slow", NOW)
    assert outbox.claim(NOW + LEASE, LEASE) == []
    assert outbox.done(second, NOW + LEASE)


def test_a_failure_is_tried_again_later_and_later(outbox, decide):
    decide("webhook")
    now, waits = NOW, []
    for turn in range(13):
        (item,) = outbox.claim(now, LEASE)
        assert item.last_error == (f"error {turn - 1}" if turn else "")
        again = item.retry_at(now)
        assert outbox.failed(item, f"error {turn}", again)
        assert outbox.claim(again - 1, LEASE) == []
        waits.append((again - now) // SECOND)
        now = again
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]


def test_any_message_of_an_error_is_kept(outbox, decide):
    decide("webhook")
    (item,) = outbox.claim(NOW, LEASE)
    assert outbox.failed(item, "\0 é \ud800" + "x" * 10_000, NOW)
    (item,) = outbox.claim(NOW, LEASE)
    assert item.last_error.startswith(" é \\ud800xxx")
    assert len(item.last_error) == ERROR_LENGTH


def test_what_is_longest_due_comes_first_and_no_more_than_asked_for(outbox, decide):
    for late in (3, 1, 2, 9):
        decide("webhook", at=NOW + late)
    found = outbox.claim(NOW + 3, LEASE, limit=2)
    assert [item.decision for item in found] == [2, 3]
    assert [item.decision for item in outbox.claim(NOW + 3, LEASE)] == [1]


def test_it_is_there_after_a_restart(outbox, decide, database):
    decide("webhook")
    (item,) = outbox.claim(NOW, LEASE)
    again = Outbox(engine_of(database))
    assert again.done(item, NOW)
    assert again.waiting() == 0


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_reaction_needs_a_name(outbox, decide, name):
    with pytest.raises(InvalidConfig, match="a reaction's name must have 1 to 128 characters"):
        decide(name)
    assert outbox.waiting() == 0


def test_each_item_goes_to_one_of_several_processes(outbox, decide, worker, database):
    keys = set()
    for _ in range(20):
        hashed = decide("webhook", "file").hash
        keys |= {f"{name}:{hashed}" for name in ("webhook", "file")}
    done = worker("race_claim", database, 3).split()
    assert sorted(done) == sorted(keys)
    assert outbox.waiting() == 0


def test_what_a_killed_process_held_is_due_again(outbox, decide, worker, database):
    decide("webhook")
    number, killed_at = map(int, worker("die_with_a_claim", database).split())
    assert outbox.claim(killed_at, LEASE) == []
    (item,) = outbox.claim(killed_at + LEASE, LEASE)
    assert (item.id, item.attempts) == (number, 2)
