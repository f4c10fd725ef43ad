"""Each reaction by itself: what it tells, to whom, and what it keeps to itself."""

import json
import os
import threading
from dataclasses import replace

import pytest
from contracts.reaction_suite import ReactionSuite, assert_installed, decision_of, key_of
from receiver import SECRET, VARIABLE, receiving

from ordinis_mlflow.errors import InvalidConfig, ReactionFailed
from registry_hooks.reactions.notification import NotificationReaction
from registry_hooks.reactions.reload import ReloadReaction
from registry_hooks.reactions.webhook import WebhookReaction

PASSWORD = "hunter2"


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv(VARIABLE, SECRET)


@pytest.fixture
def receiver():
    with receiving() as started:
        yield started


def told(reaction, decision=None):
    decision = decision or decision_of()
    reaction.react(decision, key_of(decision))


@pytest.mark.parametrize("kind", [WebhookReaction, ReloadReaction, NotificationReaction])
def test_they_are_installed(kind):
    assert_installed(kind)


class TestWebhook(ReactionSuite):
    secrets = (PASSWORD, SECRET)

    @pytest.fixture
    def reaction(self, receiver):
        self.receiver = receiver
        return WebhookReaction(receiver.url.replace("//", f"//ordinis:{PASSWORD}@"), VARIABLE)

    def effects(self, reaction):
        assert all(each.genuine for each in self.receiver.heard)
        return sorted(set(self.receiver.keys))

    def test_what_it_tells(self, reaction):
        told(reaction, decision_of(7))
        (heard,) = self.receiver.heard
        assert heard.json == {
            "format": 1,
            "number": 7,
            "hash": decision_of(7).hash,
            "at": "2023-11-14T22:13:20.123456+00:00",
            "at_ns": 1_700_000_000_123_456_789,
            "who": "risk",
            "action": "promote",
            "model": "vol",
            "workspace": "",
            "version": "2",
            "target": "Production",
            "previous": "1",
            "policy": "cd" * 32,
            "reason": "all gates passed: σ is small",
            "failed": [
                {
                    "name": "latency",
                    "observed": "inf",
                    "limit": 20.0,
                    "reason": "the model never answered",
                }
            ],
            "passed": [
                {
                    "name": "manifest",
                    "observed": 0.0,
                    "limit": 0.0,
                    "reason": "all files are what the manifest says",
                }
            ],
        }
        assert heard.headers["Content-Type"] == "application/json"
        assert heard.headers["Authorization"].startswith("Basic ")

    def test_a_changed_body_key_or_time_is_not_genuine(self, reaction):
        told(reaction)
        (heard,) = self.receiver.heard
        assert heard.genuine
        assert not replace(heard, body=heard.body + b" ").genuine
        for name in ("Ordinis-Delivery", "Ordinis-Timestamp"):
            changed = heard.headers | {name: heard.headers[name] + "1"}
            assert not replace(heard, headers=changed).genuine


class TestReload(ReactionSuite):
    @pytest.fixture
    def reaction(self, receiver):
        self.receiver = receiver
        return ReloadReaction(receiver.url, VARIABLE)

    def effects(self, reaction):
        assert all(each.genuine for each in self.receiver.heard)
        return sorted(set(self.receiver.keys))

    def test_what_it_tells(self, reaction):
        told(reaction, decision_of(7))
        (heard,) = self.receiver.heard
        said = {"workspace": "", "model": "vol", "version": "2", "alias": "champion", "number": 7}
        assert heard.json == said

    @pytest.mark.parametrize("changes", [{"action": "refuse"}, {"target": "Staging"}])
    def test_what_is_nothing_to_the_server_is_not_told(self, reaction, changes):
        told(reaction, decision_of(**changes))
        assert self.receiver.heard == []


class TestNotification(ReactionSuite):
    @pytest.fixture
    def reaction(self, tmp_path):
        return NotificationReaction(str(tmp_path / "a" / "b"))

    def effects(self, reaction):
        return os.listdir(reaction.folder)  # a half-written file would be one too many

    def test_one_line_in_a_file_of_the_decisions_number(self, reaction, tmp_path):
        told(reaction, decision_of(12, action="refuse"))
        file = tmp_path / "a" / "b" / "12-refuse.json"
        assert file.read_text().count("\n") == 1
        assert json.loads(file.read_text())["hash"] == decision_of(12, action="refuse").hash
        assert file.stat().st_mode & 0o777 == 0o644

    @pytest.mark.parametrize("there", ["", "[]", '{"hash": "of another ledger"}', "[" * 100_000])
    def test_another_ledgers_file_is_left_alone(self, reaction, tmp_path, there):
        file = tmp_path / "a" / "b" / "1-promote.json"
        file.parent.mkdir(parents=True)
        file.write_text(there)
        with pytest.raises(ReactionFailed, match="tells of another decision"):
            told(reaction)
        assert file.read_text() == there

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ReactionFailed, match=r"1-promote.json cannot be written: "):
            told(NotificationReaction(str(tmp_path / "file" / "folder")))

    def test_many_writers_write_one_whole_file(self, reaction, tmp_path):
        decision, failed = decision_of(reason="long " * 20_000), []

        def write():
            try:
                told(reaction, decision)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=write) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert failed == []
        assert os.listdir(reaction.folder) == ["1-promote.json"]

    @pytest.mark.parametrize("folder", ["", "a\0b"])
    def test_no_folder(self, folder):
        with pytest.raises(InvalidConfig, match="folder"):
            NotificationReaction(folder)


REFUSED = [
    "http://example.com/hook",
    "http://localhost.example.com/",
    "http://127.0.0.1.example.com/",
    "http://127.0.0.1@example.com/",
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:10.0.0.1]/",
    "http://0x7f.1/",
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\r\nHost: example.com/",
    "http://exämple.com/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/",
    "https://",
    "https:///path",
    "https://host:port/",
    "https://host:0/",
    "https://host:99999/",
    "https://[::1/",
    "127.0.0.1/hook",
    "//127.0.0.1/hook",
    "",
]


@pytest.mark.parametrize("url", REFUSED)
@pytest.mark.parametrize("kind", [WebhookReaction, ReloadReaction])
def test_urls_that_are_refused(kind, url):
    with pytest.raises(InvalidConfig, match="url"):
        kind(url, VARIABLE)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c", "http://127.0.0.1:5000/", "http://[::1]:5000/",
     "http://localhost/", "HTTP://LOCALHOST/", "http://127.9.9.9/"],
)  # fmt: skip
def test_urls_that_are_not(url):
    WebhookReaction(url, VARIABLE)


def test_plain_http_is_possible_for_those_who_say_so():
    WebhookReaction("http://serving.internal:5000/reload", VARIABLE, allow_http=True)


def test_a_refused_url_is_not_repeated():
    with pytest.raises(InvalidConfig) as caught:
        WebhookReaction(f"http://user:{PASSWORD}@example.com/token", VARIABLE)
    assert PASSWORD not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("timeout", [0.0, -1.0, 31.0])
def test_timeouts_are_shorter_than_the_lease(timeout):
    with pytest.raises(InvalidConfig, match=f"timeout must be .* got {timeout}"):
        WebhookReaction("https://example.com", VARIABLE, timeout=timeout)


@pytest.mark.parametrize("name", ["", "A B", "the secret itself!", "1A"])
def test_the_secret_is_not_in_the_policy(name):
    with pytest.raises(InvalidConfig, match="secret_env must be the name"):
        WebhookReaction("https://example.com", name)


class TestWhatGoesWrong:
    """No message holds the secret, the password, or the path, which may be a token."""

    @pytest.fixture
    def failing(self, receiver):
        def call(url=None, **options):
            url = (url or receiver.url).replace("//", f"//ordinis:{PASSWORD}@")
            with pytest.raises(ReactionFailed) as caught:
                told(WebhookReaction(f"{url}/token", VARIABLE, **options))
            assert caught.value.__context__ is None  # a foreign error would hold the URL
            assert not any(word in str(caught.value) for word in (PASSWORD, SECRET, "token"))
            return str(caught.value)

        return call

    @pytest.mark.parametrize("status", [300, 304, 400, 404, 409, 410, 429, 500, 503])
    def test_whatever_is_not_2xx_has_failed(self, failing, receiver, status):
        receiver.answers = [status]
        assert f"http://127.0.0.1:{receiver.port} answered with status {status}" in failing()

    def test_redirects_are_not_followed(self, failing, receiver):
        with receiving() as elsewhere:
            receiver.answers, receiver.headers = [307], {"Location": elsewhere.url}
            assert "status 307; redirects are not followed" in failing()
            assert elsewhere.heard == []

    def test_nobody_there(self, failing):
        with receiving() as gone:
            url = gone.url
        assert "did not answer (ConnectionError)" in failing(url)

    def test_no_answer(self, failing, receiver):
        receiver.hold = threading.Event()
        assert "did not answer (ReadTimeout)" in failing(timeout=0.2)
        receiver.hold.set()

    def test_no_secret(self, failing, monkeypatch, receiver):
        for value in (None, ""):
            monkeypatch.delenv(VARIABLE) if value is None else monkeypatch.setenv(VARIABLE, value)
            assert f"environment variable {VARIABLE} holds no secret" in failing()
        assert receiver.heard == []

    def test_proxies_of_the_environment_are_not_used(self, monkeypatch, receiver):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        told(WebhookReaction(receiver.url, VARIABLE))
        assert receiver.heard[0].genuine
