"""Every workspace of a server is gated, and its models are its own."""

from one_model import CHAMPION, Registry


def test_other_workspaces_are_gated_and_apart(new_server):
    server = new_server("--enable-workspaces")
    desk = {"X-MLFLOW-WORKSPACE": "desk"}
    made = server.post("workspaces", {"name": "desk"}, base="api/3.0/mlflow")
    assert made.status_code < 300, made.text
    Registry(server, "m")
    body = {"name": "m", "version": "1", "stage": "Production"}
    assert server.post("model-versions/transition-stage", body, headers=desk).status_code == 404
    made = server.post("experiments/create", {"name": "e"}, headers=desk)
    server.register("m", "fail", made.json()["experiment_id"], desk)
    answer = server.post("model-versions/transition-stage", body, headers=desk)
    assert (answer.status_code, "the file says fail" in answer.text) == (403, True), answer.text
    assert server.facts("m") == CHAMPION
