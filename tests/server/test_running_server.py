"""A real server with the app: pages in a real browser, users, and MLflow's own client."""

import shutil
import subprocess

import pytest
from shown import ENTRIES, planted
from tracking_server import Victim, experiment, running

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORDS = {"admin": "correct horse battery", "bob": "staple staple staple"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """With users."""
    folder = tmp_path_factory.mktemp("users")
    secrets = {
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORDS["admin"],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
    }
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'auth.db'}\n"
        "admin_username = admin\n"
    )
    with running(folder, "ordinis-basic-auth", "ordinis+", **secrets) as started:
        planted(started.database)
        admin = started.as_user("admin", PASSWORDS["admin"])
        bob = {"username": "bob", "password": PASSWORDS["bob"]}
        admin.api("POST", "users/create", bob)
        yield started


def browse(url, folder, *options):
    """What a browser shows of a page, after whatever would run in it has run."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         "--disable-dev-shm-usage",
         f"--user-data-dir={folder}", *options, url],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(BROWSER is None, reason="needs chromium (apt-get install chromium)")
def test_in_a_browser(server, tmp_path):
    page = browse(f"{server.url}/ordinis/ledger", tmp_path, "--dump-dom")
    assert page.count("<article") >= len(ENTRIES)  # other tests of this server decide too
    assert "<title>ledger · ordinis</title>" in page  # the hostile decision would have changed it
    assert "The chain is whole." in page
    assert "<script" not in page
    shot = tmp_path / "page.png"
    browse(
        f"{server.url}/ordinis/ledger", tmp_path, f"--screenshot={shot}", "--window-size=1200,1600"
    )
    assert shot.stat().st_size > 20_000  # the style sheet was let through by the policy


def test_the_pages_stand_beside_mlflows_own(server):
    assert server.ask("GET", "/ordinis").status == 307
    assert server.ask("GET", "/ordinis/ledger").status == 200
    assert server.ask("GET", "/ordinis/nothing").status == 404
    assert server.ask("GET", "/").status == 200
    assert server.ask("GET", "/ordinis/ledger", headers={"Host": "evil.example"}).status == 403


def test_promotion_reaches_the_gates_and_the_ledger(server):
    model = Victim(server, "unproven")
    model.register()
    asked = {"name": "unproven", "version": "1", "target": "Production", "reason": "a try"}
    answer = server.ask("POST", "/ordinis/promote", asked)
    assert answer.status == 403, answer.body
    newest = server.ask("GET", "/ordinis/ledger.json?model=unproven").json["decisions"][0]
    assert newest["action"] == "refuse"
    assert newest["who"] == "anonymous at 127.0.0.1"
    asked["version"] = "99"
    assert server.ask("POST", "/ordinis/promote", asked).status == 404
    back = {"name": "unproven", "version": "1", "reason": "never was"}
    assert server.ask("POST", "/ordinis/rollback", back).status == 403


CLIENT = """
import sys, pathlib
import mlflow
from mlflow.pyfunc import PythonModel
folder = pathlib.Path(sys.argv[1])
mlflow.set_experiment("client")
class Echo(PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input
with mlflow.start_run():
    mlflow.log_metric("m", 1.0)
    mlflow.pyfunc.log_model(name="model", python_model=Echo(), registered_model_name="echo")
    mlflow.log_text("more", "more.txt")
print(mlflow.pyfunc.load_model("models:/echo/1").predict(["a"]))
try:
    mlflow.MlflowClient().delete_logged_model(mlflow.last_logged_model().model_id)
except mlflow.MlflowException as error:
    print(error)
"""


def test_mlflows_client_logs_registers_and_loads_as_before(server, tmp_path):
    import os
    import sys

    known = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    known |= {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, tmp_path], env=known, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "['a']" in done.stdout
    assert "registered model version echo/1" in done.stdout


PRIVATE = ("/ordinis/ledger", "/ordinis/ledger.json", "/ordinis/evidence/sp500/3",
           "/ordinis/production?model=sp500")  # fmt: skip


@pytest.mark.parametrize("path", PRIVATE)
def test_strangers_see_nothing(guarded, path):
    answer = guarded.ask("GET", path)
    assert answer.status == 401
    assert "Basic" in answer.headers["www-authenticate"]
    assert guarded.as_user("bob", "wrong").ask("GET", path).status == 401


def test_strangers_change_nothing_and_learn_nothing(guarded):
    admin = guarded.as_user("admin", PASSWORDS["admin"])
    victim = Victim(admin, "victim").register()
    asked = {"name": "victim", "version": "1", "target": "Production"}
    for method, path, body in (
        ("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{victim.path}", b"evil"),
        ("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{victim.path}", None),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/9/unregistered", b"evil"),
        ("DELETE", f"/api/2.0/mlflow/logged-models/{victim.model}", None),
        ("POST", "/api/2.0/mlflow/experiments/create", {"name": "x", "artifact_location": "/etc"}),
        ("POST", "/ordinis/promote", asked),
        ("POST", "/ordinis/rollback", {"name": "victim", "version": "1", "reason": "r"}),
    ):
        answer = guarded.ask(method, path, body)
        assert answer.status == 401, (method, path, answer.body)
        assert "victim/" not in answer.text
    assert victim.files() == [b"proven", b"proven"]


def test_a_reader_reads_and_a_manager_promotes(guarded):
    admin, bob = (guarded.as_user(name, PASSWORDS[name]) for name in ("admin", "bob"))
    victim = Victim(admin, "managed").register()
    asked = {"name": "managed", "version": "1", "target": "Production"}
    assert bob.ask("GET", "/ordinis/ledger").status == 200
    assert bob.ask("POST", "/ordinis/promote", asked).status == 403
    assert "may not move" in bob.ask("POST", "/ordinis/promote", asked).text
    refused = admin.ask("POST", "/ordinis/promote", asked)
    assert refused.status == 403
    assert "decision" in refused.json["message"]  # the gates refused, and not the server's users
    newest = admin.ask("GET", "/ordinis/ledger.json?model=managed").json["decisions"][0]
    assert newest["who"] == "admin"
    assert admin.put(victim.path, b"evil").status == 403
    assert experiment(admin, "still works")
