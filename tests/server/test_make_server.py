"""``make server``: what it would run."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(*words):
    done = subprocess.run(
        ["make", "-n", "-o", ".venv/installed", "server", *words],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    return " ".join(done.stdout.replace("\\\n", " ").split())


def test_by_default_everything_lies_in_the_state_folder():
    said = command()
    database = f"sqlite:///{ROOT}/.ordinis/mlflow.db"
    assert f"--app-name ordinis --backend-store-uri '{database}'" in said
    assert f"--registry-store-uri 'ordinis+{database}'" in said
    assert f"--artifacts-destination '{ROOT}/.ordinis/artifacts'" in said
    assert "--host 127.0.0.1 --port 5000 --workers 1" in said


def test_another_database_bucket_and_users():
    said = command(
        "APP=ordinis-basic-auth", "BACKEND=postgresql://h/db", "ARTIFACT_STORE=s3://bkt/x"
    )
    assert "--app-name ordinis-basic-auth --backend-store-uri 'postgresql://h/db'" in said
    assert "--registry-store-uri 'ordinis+postgresql://h/db'" in said
    assert "--artifacts-destination 's3://bkt/x'" in said
    assert "PASSWORD" not in said
