"""The deliverer's threads: woken by commits, held up by nobody, ended in time."""

import threading
import time

from bells import Told, fails, until

from ordinis_mlflow.errors import ReactionFailed
from ordinis_mlflow.reactions import Deliverer

PASSWORD = "hunter2"


def test_woken_after_a_commit(book, deliverer):
    bell = Told()
    started = deliverer({"bell": bell}, poll=60.0)
    started.start()
    book.decide("bell")
    began = time.monotonic()
    started.after_commit()
    assert time.monotonic() - began < 0.5
    until(lambda: bell.keys)


def test_without_a_server_it_runs_until_nothing_is_left(book, deliverer):
    bell = Told()
    made = deliverer({"bell": bell})
    book.decide("bell")
    made.after_commit()
    assert len(bell.keys) == 1
    assert book.outbox.waiting() == 0
    until(lambda: not made._alive())
    book.decide("bell")
    made.after_commit()
    assert len(bell.keys) == 2


def test_a_slow_receiver_delays_the_caller_no_longer_than_said(book, deliverer):
    gate = threading.Event()
    made = deliverer({"bell": Told(gate.wait)}, patience=0.3)
    book.decide("bell")
    began = time.monotonic()
    made.after_commit()
    assert 0.25 < time.monotonic() - began < 2.0
    gate.set()
    until(lambda: book.outbox.waiting() == 0)


def test_a_failure_does_not_hold_the_caller_and_is_tried_again(book, deliverer):
    answers = [ReactionFailed("not yet")]
    bell = Told(lambda: answers and fails(answers.pop())())
    made = deliverer({"bell": bell}, patience=60.0)
    book.decide("bell")
    began = time.monotonic()
    made.after_commit()
    assert time.monotonic() - began < 5.0
    assert len(bell.keys) == 1
    until(lambda: book.outbox.waiting() == 0)
    assert len(bell.keys) == 2


def test_without_a_thread_the_caller_goes_on(book, deliverer, monkeypatch, caplog):
    def start(self):
        raise RuntimeError("can't start new thread")

    made = deliverer({"bell": Told()})
    book.decide("bell")
    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", start)
        made.after_commit()
    assert "reactions are left for later: RuntimeError" in caplog.text
    made.after_commit()
    assert book.outbox.waiting() == 0


def test_a_policy_that_cannot_be_read_is_said_once_and_waited_for(book, caplog):
    bell, broken = Told(), [True]

    def reactions():
        if broken[0]:
            raise OSError(PASSWORD)
        return {"bell": bell}

    made = Deliverer(book.outbox, book.ledger, reactions, poll=0.01)
    book.decide("bell")
    made.start()
    time.sleep(0.2)
    assert caplog.text.count("reactions cannot be looked for: OSError") == 1
    assert PASSWORD not in caplog.text
    broken[0] = False
    until(lambda: bell.keys)
    assert made.stop()


def test_one_that_nobody_delivers_is_said_once(book, deliverer, caplog):
    book.decide("gone")
    deliverer({"bell": Told()}, poll=0.01).start()
    until(lambda: caplog.text)
    time.sleep(0.2)
    said = "reactions are waiting that nobody delivers: gone: the policy has no such table"
    assert caplog.text.count(said) == 1


def test_stopped_it_begins_nothing_and_can_be_started_again(book, deliverer):
    bell = Told()
    made = deliverer({"bell": bell})
    assert made.stop()
    made.start()
    assert made.stop()
    book.decide("bell")
    time.sleep(0.2)
    assert bell.keys == []
    made.start()
    until(lambda: bell.keys)


def test_one_under_way_is_waited_for(book, deliverer):
    gate = threading.Event()
    bell = Told(gate.wait)
    made = deliverer({"bell": bell})
    book.decide("bell"), book.decide("bell")
    made.start()
    until(lambda: bell.keys)
    assert not made.stop(timeout=0.1)
    gate.set()
    assert made.stop()
    assert (len(bell.keys), book.outbox.waiting()) == (1, 1)
