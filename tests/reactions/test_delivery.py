"""Delivery: each reaction until it is done, whatever becomes of receivers and processes."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from receiver import SECOND, SECRET, VARIABLE, Book, receiving

from ordinis_mlflow.errors import ReactionFailed
from ordinis_mlflow.reactions import Delivered, Deliverer, deliver_due
from registry_hooks.reactions.notification import NotificationReaction
from registry_hooks.reactions.webhook import WebhookReaction

WORKER = Path(__file__).with_name("delivery_worker.py")
PASSWORD = "hunter2"


@dataclass(frozen=True)
class Told:
    """A reaction that does what it is told, and keeps the keys."""

    does: object = None
    keys: list = field(default_factory=list)

    def react(self, decision, key):
        self.keys.append(key)
        if self.does:
            self.does()


def fails(error):
    def call():
        raise error

    return call


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)


@pytest.fixture
def book(tmp_path):
    return Book(f"sqlite:///{tmp_path / 'book.db'}")


@pytest.fixture
def deliverer(book):
    """Make and start deliverers, which are stopped after the test."""
    made = []

    def start(reactions, **options):
        options = {"poll": 0.05, **options}
        made.append(Deliverer(book.outbox, book.ledger, lambda: reactions, **options))
        return made[-1]

    yield start
    assert [each.stop() for each in made] == [True] * len(made)


def deliver(book, reactions, now=None, **options):
    moment = time.time_ns() if now is None else now
    return deliver_due(book.outbox, book.ledger, reactions, moment, **options)


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class TestDue:
    def test_what_is_due_is_delivered_once(self, book):
        first, second = book.decide("bell"), book.decide("bell", "gong")
        bell, gong = Told(), Told()
        assert deliver(book, {"bell": bell, "gong": gong}) == Delivered(3, 0)
        assert bell.keys == [f"bell:{first.hash}", f"bell:{second.hash}"]
        assert deliver(book, {"bell": bell, "gong": gong}) == Delivered(0, 0)
        assert book.outbox.waiting() == 0

    def test_nothing_is_due_without_reactions(self, book):
        book.decide()
        assert deliver(book, {}) == deliver(book, {"bell": Told()}) == Delivered(0, 0)

    def test_one_of_another_name_is_left_for_others(self, book):
        book.decide("bell", "gong")
        assert deliver(book, {"bell": Told()}) == Delivered(1, 0)
        assert book.attempts()[1] == ("gong", 0, "")

    def test_one_that_fails_stops_no_other(self, book):
        for _ in range(3):
            book.decide("bad", "good")
        good = Told()
        bad = Told(fails(ValueError("x")))
        assert deliver(book, {"bad": bad, "good": good}) == Delivered(3, 3)
        assert len(good.keys) == len(bad.keys) == 3

    def test_failures_are_put_off_for_longer_and_longer(self, book):
        book.decide("bad")
        bad, now = {"bad": Told(fails(ReactionFailed("no")))}, 2_000_000_000 * SECOND
        for wait in (1, 2, 4, 8):
            assert deliver(book, bad, now) == Delivered(0, 1)
            assert deliver(book, bad, now + int(0.99 * wait * SECOND)) == Delivered(0, 0)
            now += int(1.5 * wait * SECOND)

    def test_it_stops_between_two_when_asked(self, book):
        book.decide("bell"), book.decide("bell")
        bell = Told()
        assert deliver(book, {"bell": bell}, going=lambda: not bell.keys) == Delivered(1, 0)

    def test_one_that_takes_longer_than_its_lease_is_told(self, book, caplog):
        book.decide("slow")
        inner = Told()
        slow = Told(lambda: deliver(book, {"slow": inner}, time.time_ns() + SECOND))
        assert deliver(book, {"slow": slow}, lease_ns=SECOND // 2) == Delivered(1, 0)
        assert inner.keys == slow.keys
        assert "took longer than its lease" in caplog.text


class TestWhatIsSaid:
    def test_of_our_errors_the_message_in_one_line(self, book, caplog):
        book.decide("bad")
        error = ReactionFailed(f"https://me:{PASSWORD}@host/\nsaid \x1b[31m no")
        deliver(book, {"bad": Told(fails(error))})
        said = "ReactionFailed", "https://***@host/ said ?[31m no"
        assert book.attempts() == [("bad", 1, said[1])]
        assert [record.getMessage() for record in caplog.records] == [
            f"reaction bad to decision 1 failed (attempt 1): {said[1]}"
        ]

    def test_of_foreign_errors_only_where(self, book, caplog):
        book.decide("bad")
        deliver(book, {"bad": Told(fails(OSError(f"could not reach {PASSWORD}")))})
        assert PASSWORD not in caplog.text + str(book.attempts())
        assert "OSError at " in caplog.text
        assert "test_delivery.py:" in caplog.text

    def test_no_secret_of_a_webhook(self, book, caplog):
        caplog.set_level(logging.DEBUG)
        book.decide("webhook")
        with receiving() as receiver:
            receiver.answers = [500]
            url = receiver.url.replace("//", f"//me:{PASSWORD}@").replace("hook", "tok3n")
            assert deliver(book, {"webhook": WebhookReaction(url, VARIABLE)}) == Delivered(0, 1)
            assert f"http://127.0.0.1:{receiver.port} answered with status 500" in caplog.text
        ours = "".join(each.getMessage() for each in caplog.records if "urllib3" not in each.name)
        for text in (PASSWORD, SECRET, "tok3n"):
            assert text not in ours + str(book.attempts())
        assert PASSWORD not in caplog.text
        assert SECRET not in caplog.text


class TestReceivers:
    @pytest.fixture
    def hook(self, book, deliverer):
        book.decide("webhook")

        def start(receiver):
            return deliverer({"webhook": WebhookReaction(receiver.url, VARIABLE)})

        return start

    def test_down_and_then_up(self, book, hook):
        with receiving() as receiver:
            port = receiver.port
        started = hook(receiver)
        started.start()
        until(lambda: book.attempts()[0][1] == 1)
        until(lambda: "did not answer" in book.attempts()[0][2])
        with receiving(port) as receiver:
            until(lambda: book.outbox.waiting() == 0)
            time.sleep(0.2)
            assert receiver.keys == [f"webhook:{book.ledger.decision(1).hash}"]
            assert receiver.heard[0].genuine

    def test_500_and_then_200(self, book, hook):
        with receiving() as receiver:
            receiver.answers = [500]
            hook(receiver).start()
            until(lambda: book.outbox.waiting() == 0)
            first, second = receiver.heard
        assert first.key == second.key
        assert first.body == second.body
        assert first.genuine
        assert second.genuine
        assert first.headers["Ordinis-Timestamp"] != second.headers["Ordinis-Timestamp"]

    def test_a_slow_one_holds_up_no_other(self, book, deliverer, tmp_path):
        with receiving() as receiver:
            receiver.hold = threading.Event()
            hook = WebhookReaction(receiver.url, VARIABLE)
            folder = tmp_path / "files"
            files = NotificationReaction(str(folder))
            deliverer({"webhook": hook, "notification": files}).start()
            for _ in range(3):
                book.decide("webhook", "notification")
            until(lambda: folder.exists() and len(list(folder.glob("*.json"))) == 3)
            assert len(receiver.heard) == 1
            receiver.hold.set()
            until(lambda: book.outbox.waiting() == 0)
            assert len(set(receiver.keys)) == 3


class TestProcesses:
    @pytest.fixture
    def worker(self, book, tmp_path):
        def start(mode, url, **options):
            command = [sys.executable, WORKER, book.url, url, tmp_path / "files", mode]
            root = Path(__file__).parents[2]
            paths = os.pathsep.join([str(root), str(root / "tests")])
            environment = {**os.environ, "PYTHONPATH": paths}
            return subprocess.Popen(list(map(str, command)), env=environment, **options)

        return start

    def test_killed_between_post_and_done(self, book, worker, tmp_path):
        """On the wire at least once; by its key, and as a file, exactly once."""
        decision = book.decide("webhook", "notification")
        with receiving() as receiver:
            for name in ("webhook", "notification"):
                assert worker(name, receiver.url).wait(30) == -signal.SIGKILL
            assert book.outbox.waiting() == 2
            assert os.listdir(tmp_path / "files") == ["1-promote.json"]
            assert worker("live", receiver.url).wait(30) == 0
            assert receiver.keys == 2 * [f"webhook:{decision.hash}"]
            assert all(each.genuine for each in receiver.heard)
        assert os.listdir(tmp_path / "files") == ["1-promote.json"]

    def test_what_was_not_delivered_is_there_after_a_restart(self, book, worker):
        with receiving() as receiver:
            receiver.answers = [503]
            book.decide("webhook")
            assert worker("once", receiver.url).wait(30) == 0
            assert book.outbox.waiting() == 1
            assert worker("live", receiver.url).wait(30) == 0
            assert len(receiver.heard) == 2
        assert book.outbox.waiting() == 0


def test_several_workers_at_once_deliver_each_once(database):
    book = Book(database)
    for _ in range(20):
        book.decide("bell", "gong")
    bell, gong = Told(), Told()
    workers = [
        Deliverer(Book(database).outbox, book.ledger, lambda: {"bell": bell, "gong": gong},
                  poll=0.02)
        for _ in range(3)
    ]  # fmt: skip
    for each in workers:
        each.start()
    until(lambda: book.outbox.waiting() == 0, 30.0)
    assert [each.stop() for each in workers] == [True] * 3
    assert len(bell.keys) == len(set(bell.keys)) == 20
    assert len(gong.keys) == len(set(gong.keys)) == 20


class TestDeliverer:
    def test_woken_after_a_commit(self, book, deliverer):
        bell = Told()
        started = deliverer({"bell": bell}, poll=60.0)
        started.start()
        book.decide("bell")
        began = time.monotonic()
        started.after_commit()
        assert time.monotonic() - began < 0.5
        until(lambda: bell.keys)

    def test_without_a_server_it_runs_until_nothing_is_left(self, book, deliverer):
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

    def test_a_slow_receiver_delays_the_caller_no_longer_than_said(self, book, deliverer):
        gate = threading.Event()
        made = deliverer({"bell": Told(gate.wait)}, patience=0.3)
        book.decide("bell")
        began = time.monotonic()
        made.after_commit()
        assert 0.25 < time.monotonic() - began < 2.0
        gate.set()
        until(lambda: book.outbox.waiting() == 0)

    def test_a_failure_does_not_hold_the_caller_and_is_tried_again(self, book, deliverer):
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

    def test_a_policy_that_cannot_be_read_is_said_once_and_waited_for(self, book, caplog):
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

    def test_one_that_nobody_delivers_is_said_once(self, book, deliverer, caplog):
        book.decide("gone")
        deliverer({"bell": Told()}, poll=0.01).start()
        until(lambda: caplog.text)
        time.sleep(0.2)
        said = "reactions are waiting that nobody delivers: gone: the policy has no such table"
        assert caplog.text.count(said) == 1

    def test_stopped_it_begins_nothing_and_can_be_started_again(self, book, deliverer):
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

    def test_one_under_way_is_waited_for(self, book, deliverer):
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
