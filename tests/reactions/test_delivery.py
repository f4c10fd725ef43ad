"""Delivery: each reaction until it is done, whatever becomes of receivers and processes."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from bells import Told, fails, until
from receiver import SECOND, SECRET, VARIABLE, Book, receiving

from ordinis_mlflow.errors import ReactionFailed
from ordinis_mlflow.reactions import Delivered, Deliverer, deliver_due
from registry_hooks.reactions.notification import NotificationReaction
from registry_hooks.reactions.webhook import WebhookReaction

WORKER = Path(__file__).with_name("delivery_worker.py")
PASSWORD = "hunter2"


def deliver(book, reactions, now=None, **options):
    moment = time.time_ns() if now is None else now
    return deliver_due(book.outbox, book.ledger, reactions, moment, **options)


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
        assert "bells.py:" in caplog.text

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
            until(lambda: receiver.heard)
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
