"""Closed loop with wrk: throughput that the client does not limit.

wrk is C, one thread with epoll; a client in Python would need as much of the machine as the server.
"""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.load.post import LOOPBACK, Post
from ordinis_mlflow.errors import ServingError

SCRIPT = """
local file = io.open({body}, "rb")
wrk.method, wrk.body = "POST", file:read("*a")
file:close()
{headers}
function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '{{"requests": %d, "seconds": %.6f, "p50_s": %.6f, "p99_s": %.6f, ' ..
    '"refused": %d, "broken": %d}}\\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True)
class ClosedLoop:
    """What one run of wrk measured.

    Attributes:
        requests: that were answered, with whatever status.
        seconds: that it took.
        p50_s: median latency in seconds.
        p99_s: 99th percentile. wrk corrects it for what a stalled connection did not send.
        refused: answers with status 400 or more.
        broken: connections that could not be made, read, written, or timed out.
    """

    requests: int
    seconds: float
    p50_s: float
    p99_s: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def closed_loop(post: Post, connections: int, seconds: int) -> ClosedLoop:
    """Post from so many connections, each as fast as it is answered.

    Raises:
        ServingError: wrk is not installed, or did not run to its end.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise ServingError("wrk is needed for throughput and is not on PATH: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = _script(post, Path(folder))
        url = f"http://{LOOPBACK}:{post.port}{post.path}"
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ServingError(f"wrk ended with status {done.returncode}: {done.stderr[-500:]}")
    return ClosedLoop(**json.loads(done.stdout.splitlines()[-1]))


def _script(post: Post, folder: Path) -> Path:
    body, script = folder / "body", folder / "post.lua"
    body.write_bytes(post.body)
    # A JSON string of ASCII text is a Lua string as well.
    pairs = ((json.dumps(name), json.dumps(value)) for name, value in post.headers)
    headers = "\n".join(f"wrk.headers[{name}] = {value}" for name, value in pairs)
    script.write_text(SCRIPT.format(body=json.dumps(str(body)), headers=headers))
    return script
