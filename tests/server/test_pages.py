"""The ledger's pages: what they say, and that nothing in the ledger can speak for itself."""

import html
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from asgi import ask
from shown import ENTRIES, FILES, HOSTILE, HOUR, START, plant
from sqlalchemy import create_engine, text
from starlette.applications import Starlette
from starlette.routing import Mount

from ordinis_mlflow.server.telling import figure, nanoseconds, short, utc

BASE = "/ordinis"


class Everybody:
    """Access without users, and without MLflow's server."""

    def user(self, request):
        return "anonymous"

    def may_read(self, request, model):
        return True


class Nobody(Everybody):
    def user(self, request):
        return None


class OneModel(Everybody):
    def may_read(self, request, model):
        return model == "sp500"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    yield plant(engine)
    engine.dispose()


def shown_by(ledger, access=None):
    from ordinis_mlflow.server.site import OWN, site

    return Starlette(routes=[Mount(OWN, site(lambda: ledger, access or Everybody()))])


@pytest.fixture(scope="module")
def app(ledger, tracking_store):
    return shown_by(ledger)


class Elements(HTMLParser):
    """What a browser would make of a page: elements, attributes and words."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def words(page):
    return re.sub(r"\s+", " ", " ".join(Elements(page).words))


def test_newest_first_with_everything_that_was_decided(app):
    answer = ask(app, f"{BASE}/ledger")
    assert answer.status == 200
    numbers = re.findall(r'id="decision-(\d+)"', answer.text)
    assert numbers == [str(n) for n in range(len(ENTRIES), 0, -1)]
    said = words(answer.text)
    for wanted in (
        "The chain is whole.", "2026-02-25 06:13:20 UTC", "asked for by ada", "first champion",
        "Production: no version → version 1", "Production: version 1 → version 3",
        "Production: unchanged", "2 of 3 checks failed", "all 3 checks passed",
        "sharpe_annual_lower FAILED -0.31 0 not shown to be as good as the champion",
        "deflated_sharpe FAILED no figure 0.95", "BREAK-GLASS", "feed outage", "Rolled back",
        "Taken out",
    ):  # fmt: skip
        assert wanted in said, wanted
    assert f'title="{FILES["model.onnx"]}">{short(FILES["model.onnx"])}<' in answer.text


def test_one_model_by_filter(app):
    said = words(ask(app, f"{BASE}/ledger?model=sp500").text)
    assert "Decisions about sp500" in said
    assert "onerror" not in said
    assert ask(app, f"{BASE}/ledger?model=sp500").text.count("<article") == 6
    assert "No decisions:" in words(ask(app, f"{BASE}/ledger?model=other").text)
    assert ask(app, f"{BASE}/ledger?before=3").text.count("<article") == 2


def test_one_version(app):
    page = ask(app, f"{BASE}/ledger/sp500/2")
    assert re.findall(r'id="decision-(\d+)"', page.text) == ["4", "2"]
    assert ask(app, f"{BASE}/ledger/sp500/99").status == 404


@pytest.mark.parametrize(
    "path",
    ["/ledger", "/ledger?model=<script>alert(1)</script>", "/production?model=<script>x</script>",
     "/ledger/sp500/3", "/production?model=sp500&at=2026-02-26",
     "/production?model=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&at=2026-02-26"],
)  # fmt: skip
def test_no_text_becomes_an_element_or_attribute(app, path):
    answer = ask(app, BASE + path)
    seen = Elements(answer.text)
    assert not {"script", "img", "iframe", "object", "svg", "link"} & set(seen.tags)
    assert not [name for _, name, _ in seen.attributes if name.startswith("on") or name == "style"]
    for _, name, value in seen.attributes:
        if name in ("href", "action"):
            assert value.startswith(("/", "?"))


def test_a_hostile_decision_is_shown_letter_for_letter(app):
    page = ask(app, f"{BASE}/ledger").text
    assert page.count(html.escape("<script>")) > 5
    assert "{{7*7}}" in page
    link = re.search(r'href="(/ordinis/ledger/%3Cscript[^"]*)"', page)[1]
    from urllib.parse import unquote

    assert HOSTILE in html.unescape(ask(app, unquote(link).replace("?", "%3F")).text)


def test_nothing_is_loaded_and_nothing_runs(app):
    headers = ask(app, f"{BASE}/ledger").headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_json_says_the_same_and_is_strict(app):
    answer = ask(app, f"{BASE}/ledger.json?model=sp500").json
    assert answer["chain"]["whole"] is True
    assert answer["chain"]["anchor"].startswith("7:")
    assert [one["number"] for one in answer["decisions"]] == [7, 5, 4, 3, 2, 1]
    second = answer["decisions"][4]
    assert second["verdicts"][2]["observed"] == "nan"
    assert second["digests"] == FILES
    assert second["at"] == "2026-02-26T12:13:20+00:00"


@pytest.mark.parametrize(
    ("hours", "holder", "number"),
    [(-1, None, None), (0, "1", 1), (49, "1", 1), (50, "3", 3), (51, "2", 4), (53, "3", 5),
     (71, None, None)],
)  # fmt: skip
def test_what_was_in_production_and_why(app, hours, holder, number):
    at = utc(START + hours * HOUR).replace(" UTC", "").replace(" ", "T")
    page = ask(app, f"{BASE}/production?model=sp500&at={at}").text
    if holder is None:
        assert "no version of sp500 was in production" in words(page)
    else:
        assert f"version {holder} of sp500 was in production" in words(page)
        assert f'id="decision-{number}"' in page


def test_a_moment_that_is_none(app):
    answer = ask(app, f"{BASE}/production?model=sp500&at=yesterday")
    assert answer.status == 400
    assert "2026-03-01T14:30" in answer.text


def test_evidence_for_clients(app):
    answer = ask(app, f"{BASE}/evidence/sp500/3")
    assert answer.json["digests"] == FILES
    assert answer.json["version"] == "3"
    assert ask(app, f"{BASE}/evidence/sp500/99").status == 404


def change(engine, statement):
    """As somebody would who may write to the database and takes the triggers away."""
    with engine.begin() as connection:
        for name in connection.scalars(text("SELECT name FROM sqlite_master WHERE type='trigger'")):
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.execute(text(f"UPDATE ordinis_decisions SET {statement}"))


def test_a_changed_row_is_named_at_the_top(tmp_path, tracking_store):
    engine = create_engine(f"sqlite:///{tmp_path / 'changed.db'}")
    ledger = plant(engine)
    change(engine, "who = 'mallory' WHERE number = 3")
    said = words(ask(shown_by(ledger), f"{BASE}/ledger").text)
    assert "The chain is broken at decision 3." in said
    chain = ask(shown_by(ledger), f"{BASE}/ledger.json").json["chain"]
    assert (chain["whole"], chain["broken"][0]["number"], chain["anchor"]) == (False, 3, "")
    change(engine, "verdicts = '{' WHERE number = 4")
    said = words(ask(shown_by(ledger), f"{BASE}/ledger").text)
    assert "decision 4 cannot be read" in said
    assert "The chain is broken at decision 3." in said
    engine.dispose()


def test_a_long_walk_is_not_made_for_every_visitor(ledger, tracking_store):
    from ordinis_mlflow.server.verified import Verifier

    class Slow:
        walks = 0

        def verify(self):
            self.walks += 1
            time.sleep(0.05)
            return []

        def anchor(self):
            return "7:abc"

    slow = Slow()
    verifier = Verifier(lambda: slow)
    assert {verifier.verified() for _ in range(5)} == {verifier.verified()}
    assert slow.walks == 1
    time.sleep(0.7)
    verifier.verified()
    assert slow.walks == 2


@pytest.mark.parametrize(
    "path", ["/ledger", "/ledger.json", "/ledger/sp500/1", "/production", "/evidence/sp500/3"]
)
def test_only_for_known_users_where_there_are_users(ledger, path, tracking_store):
    answer = ask(shown_by(ledger, Nobody()), BASE + path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_user_sees_the_models_that_are_theirs(ledger, tracking_store):
    app = shown_by(ledger, OneModel())
    page = ask(app, f"{BASE}/ledger")
    assert page.text.count("<article") == 6
    assert "onerror" not in page.text
    assert ask(app, f"{BASE}/ledger?model=other").status == 403
    assert ask(app, f"{BASE}/evidence/other/1").status == 403
    assert len(ask(app, f"{BASE}/ledger.json").json["decisions"]) == 6


def test_figures_and_moments():
    assert figure(0.123456789) == "0.123457"
    assert nanoseconds("2026-02-25T06:13:20") == nanoseconds("2026-02-25 06:13:20 UTC") == START
    assert nanoseconds("2026-02-25T07:13:20+01:00") == START
    assert short("abc") == "abc"


def test_each_workspace_has_its_own_decisions(tmp_path, tracking_store):
    from mlflow.utils.workspace_context import WorkspaceContext

    engine = create_engine(f"sqlite:///{tmp_path / 'spaces.db'}")
    app = shown_by(plant(engine, [ENTRIES[0], replace(ENTRIES[2], workspace="blue")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
        for workspace, number in (("blue", 2), ("default", 1)):
            with WorkspaceContext(workspace):
                told = ask(app, f"{BASE}/ledger.json").json["decisions"]
                assert [one["number"] for one in told] == [number]
    engine.dispose()
