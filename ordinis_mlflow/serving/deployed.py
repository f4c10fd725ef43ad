"""Deployed: server processes that outlive who started them, known by name in a folder.

Whether one runs is never guessed from its number, which the system gives to others later: each
holds a lock on a file of its own for as long as it lives, and only while it does is it signalled.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ordinis_mlflow.command_line import parameters
from ordinis_mlflow.errors import InvalidConfig, ServingError
from ordinis_mlflow.serving.command import OPTIONS, READY

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOOK_SECONDS = 0.05
START_SECONDS = 300.0
STOP_SECONDS = 90.0
"""Longer than a server takes to answer what is under way."""


@dataclass(frozen=True)
class Deployment:
    """What is known of one.

    Attributes:
        name: given by who created it.
        model_uri: what it serves.
        url: where.
        pid: of its process, while it runs.
        token: of the names of its lock and its log.
        config: parameters of the command ``serve`` besides model and port.
    """

    name: str
    model_uri: str
    url: str
    pid: int
    token: str
    config: dict[str, str]

    @property
    def port(self) -> str:
        """Where it listens."""
        return self.url.rpartition(":")[2]


class Deployments:
    """Those of a folder. Several clients may use it at once; one at a time changes a name.

    Args:
        folder: of their states, locks and logs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, name: str, model_uri: str, config: Mapping[str, object]) -> Deployment:
        """Start one, and wait until it answers.

        Args:
            name: letters, digits, ``.``, ``_`` and ``-``.
            model_uri: what to serve.
            config: parameters of the command ``serve``.

        Raises:
            InvalidConfig: the name is taken, or a parameter does not exist.
            ServingError: it does not come up; says what it printed.
        """
        said = _checked(config)
        with self._changing(name):
            if self._state(name).exists():
                raise InvalidConfig(f"there is a deployment {name!r}: delete it, or update it")
            port = said.pop("port", "0")
            for other in self.all():
                if other.port == port and self.runs(other):
                    raise InvalidConfig(f"deployment {other.name!r} listens on port {port}")
            self._place(name).mkdir(parents=True, exist_ok=True)
            try:
                return self._start(name, model_uri, port, said)
            except BaseException:
                shutil.rmtree(self._place(name), ignore_errors=True)
                raise

    def update(
        self, name: str, model_uri: str | None, config: Mapping[str, object] | None
    ) -> Deployment:
        """Let another process take over on the same port; if it does not come up, nothing changes.

        Raises:
            InvalidConfig: there is none of this name, or a parameter does not exist.
            ServingError: the new process does not come up.
        """
        said = _checked(config or {})
        with self._changing(name):
            old = self.get(name)
            if said.pop("port", old.port) != old.port:
                raise InvalidConfig("a deployment keeps its port: create another, then delete this")
            new = self._start(name, model_uri or old.model_uri, old.port, {**old.config, **said})
            self._stop(old)
            return new

    def delete(self, name: str) -> None:
        """Stop and forget it; nothing is done if there is none."""
        with self._changing(name):
            if self._state(name).exists():
                self._stop(self.get(name))
            shutil.rmtree(self._place(name), ignore_errors=True)

    def get(self, name: str) -> Deployment:
        """What is known of one.

        Raises:
            InvalidConfig: there is none of this name.
        """
        try:
            return Deployment(**json.loads(self._state(name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise InvalidConfig(f"there is no deployment {name!r} in {self._folder}") from None
        except (ValueError, TypeError) as error:
            raise InvalidConfig(f"{self._state(name)} cannot be read: {error}") from error

    def all(self) -> list[Deployment]:
        """All of the folder, by name; running or not."""
        found = []
        for state in sorted(self._folder.glob("*/state.json")):
            with contextlib.suppress(InvalidConfig):  # deleted at this moment
                found.append(self.get(state.parent.name))
        return found

    def runs(self, deployment: Deployment) -> bool:
        """Whether its process lives: then somebody holds the lock, and it can be nobody else."""
        try:
            lock = os.open(self._file(deployment, "lock"), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def log(self, deployment: Deployment) -> str:
        """What it has printed."""
        return self._file(deployment, "log").read_text(encoding="utf-8", errors="replace")

    def _start(self, name: str, model_uri: str, port: str, config: dict[str, str]) -> Deployment:
        started = Deployment(name, model_uri, "", 0, secrets.token_hex(4), config)
        said = {**config, "model": model_uri, "port": port, "reuse_port": "true"}
        command = [sys.executable, "-m", "ordinis_mlflow.serving"]
        command += [word for key, value in said.items() for word in (f"--{key}", value)]
        lock = os.open(self._file(started, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            pid = _detached(command, self._file(started, "log"), lock)
        finally:
            os.close(lock)
        running = Deployment(**{**asdict(started), "pid": pid})
        try:
            url = self._await_ready(running)
        except BaseException:
            self._stop(running, at_once=True)
            raise
        running = Deployment(**{**asdict(running), "url": url})
        self._write(running)
        return running

    def _await_ready(self, deployment: Deployment) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            alive, said = self.runs(deployment), self.log(deployment)
            if ready := READY.search(said):
                return ready[1]
            if not alive:
                raise ServingError(f"the server of {deployment.name!r} ended: {said[-1000:]}")
            time.sleep(LOOK_SECONDS)
        raise ServingError(f"the server of {deployment.name!r} took {START_SECONDS:g} s to start")

    def _stop(self, deployment: Deployment, at_once: bool = False) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL)[at_once:]:
            deadline = time.monotonic() + STOP_SECONDS
            if self.runs(deployment):
                # With SIGKILL its workers are meant as well: the process leads their group.
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    (os.killpg if number == signal.SIGKILL else os.kill)(deployment.pid, number)
            while self.runs(deployment) and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
        with contextlib.suppress(ChildProcessError):  # another client has started it
            os.waitpid(deployment.pid, 0)
        for kind in ("lock", "log"):
            self._file(deployment, kind).unlink(missing_ok=True)

    def _write(self, deployment: Deployment) -> None:
        state = self._state(deployment.name)
        fresh = state.with_suffix(f".{deployment.token}")
        fresh.write_text(json.dumps(asdict(deployment), indent=2), encoding="utf-8")
        os.replace(fresh, state)

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[None]:
        """For one client at a time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place(name)
        with (self._folder / f".{name}.changing").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidConfig(f"another client changes {name!r} now: try again") from None
            yield

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidConfig(f"a deployment's name has letters, digits, . _ and -, got {name!r}")
        return self._folder / name

    def _state(self, name: str) -> Path:
        return self._place(name) / "state.json"

    def _file(self, deployment: Deployment, kind: str) -> Path:
        return self._place(deployment.name) / f"{deployment.token}.{kind}"


def _checked(config: Mapping[str, object]) -> dict[str, str]:
    """As words of a command line.

    Raises:
        InvalidConfig: a parameter does not exist, or is not for the config to say.
    """
    known = {field.name for field in parameters(*OPTIONS)} - {"model", "reuse_port"}
    if unknown := set(config) - known:
        raise InvalidConfig(f"config may hold {sorted(known)}, got {sorted(unknown)} as well")
    words = {key: str(value) for key, value in config.items()}
    return {key: word.lower() if word in ("True", "False") else word for key, word in words.items()}


def _detached(command: list[str], log: Path, lock: int) -> int:
    """Start a process in a session of its own, which holds the lock; its number."""
    os.set_inheritable(lock, True)
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
    return os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
