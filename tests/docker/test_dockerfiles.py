"""Rules of Dockerfiles that matter; hadolint has the others, where it is installed."""

import re
import shutil
import subprocess
from fnmatch import fnmatch

import pytest
from container_files import DOCKERFILES, ROOT, instructions, one, variables

each_file = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)


def copied(stage):
    """(source, target) of what a stage takes from the repository."""
    return [
        each.text.split() for each in stage if each.word == "COPY" and "--from" not in each.text
    ]


def sent(path):
    """Whether .dockerignore lets a path of the repository through; the last pattern decides."""
    passes = True
    for pattern in (ROOT / ".dockerignore").read_text().splitlines():
        if not pattern or pattern.startswith(("#", "**/")):
            continue
        name = pattern.removeprefix("!")
        if fnmatch(path, name) or path.startswith(f"{name}/"):
            passes = pattern.startswith("!")
    return passes


def test_there_are_two():
    assert [path.stem for path in DOCKERFILES] == ["serving", "tracking"]


@each_file
def test_every_stage_begins_with_one_exact_python(path):
    for stage in instructions(path):
        assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+( AS \w+)?", stage[0].text)


@each_file
def test_both_stages_have_the_same_interpreter(path):
    """A virtual environment is moved from one to the other."""
    assert len({stage[0].text.split()[0] for stage in instructions(path)}) == 1


@each_file
def test_it_runs_as_a_user_who_owns_nothing(path):
    last = instructions(path)[-1]
    user = one(last, "USER").text
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # by number: a cluster can see it is not root
    assert f"--uid {user.split(':')[0]} " in one(last, "RUN").text
    words = [each.word for each in last]
    assert words.index("USER") > max(n for n, word in enumerate(words) if word in ("COPY", "RUN"))


@each_file
def test_commands_are_in_exec_form(path):
    """A shell in between would keep SIGTERM to itself."""
    last = instructions(path)[-1]
    for word in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
        assert one(last, word).listed, word


@each_file
def test_nothing_is_fetched_or_left_open(path):
    text = path.read_text()
    assert "ADD" not in [each.word for stage in instructions(path) for each in stage]
    for word in (":latest", "curl", "wget", "apt-get", "://", "--index", "sudo"):
        assert word not in text.replace("http://127.0.0.1", ""), word


@each_file
def test_no_secret_is_built_in(path):
    for stage in instructions(path):
        for each in stage:
            if each.word in ("ENV", "ARG"):
                assert not re.search(r"SECRET|PASSWORD|TOKEN|_KEY", each.text)


@each_file
def test_no_library_tells_its_maker_anything(path):
    """MLflow would, and since 1.29 ONNX Runtime: names of models, hashes of graphs."""
    set_to = variables(instructions(path)[-1])
    assert set_to["MLFLOW_DISABLE_TELEMETRY"] == set_to["DO_NOT_TRACK"] == "true"
    assert set_to["ORT_DISABLE_TELEMETRY"] == "1"


@each_file
def test_what_is_copied_exists_and_is_sent(path):
    for stage in instructions(path):
        for source, _ in copied(stage):
            assert (ROOT / source).exists(), source
            assert sent(source), source


@each_file
def test_libraries_are_installed_before_the_code_is_copied(path):
    build = [each.text for each in instructions(path)[0]]
    libraries = next(n for n, text in enumerate(build) if "-r requirements/" in text)
    code = next(n for n, text in enumerate(build) if text.startswith("ordinis_mlflow "))
    assert libraries < code


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("ordinis_mlflow/errors.py", True),
        ("requirements/serving.txt", True),
        ("requirements/train.txt", False),
        ("docker/.env", False),
        (".git/config", False),
        (".ordinis/mlflow.db", False),
        ("mlflow.db", False),
    ],
)
def test_nothing_else_is_sent_to_the_builder(path, passes):
    assert sent(path) is passes


@each_file
def test_hadolint_has_nothing_to_say(path):
    hadolint = shutil.which("hadolint")
    if not hadolint:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
