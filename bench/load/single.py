"""One connection: the next request goes out when the last is answered. Python's http.client."""

import http.client
import time

import numpy as np
import numpy.typing as npt

from bench.load.post import LOOPBACK, Post
from ordinis_mlflow.errors import ServingError


def one_connection(post: Post, requests: int, timeout_s: float = 60.0) -> npt.NDArray[np.float64]:
    """Seconds of each request, shape (requests,); connecting does not count.

    Raises:
        ServingError: an answer was not 200; its end is in the message.
    """
    client = http.client.HTTPConnection(LOOPBACK, post.port, timeout=timeout_s)
    client.connect()
    try:
        return np.array([_seconds(client, post) for _ in range(requests)])
    finally:
        client.close()


def _seconds(client: http.client.HTTPConnection, post: Post) -> float:
    start = time.perf_counter()
    client.request("POST", post.path, post.body, dict(post.headers))
    answer = client.getresponse()
    content = answer.read()
    seconds = time.perf_counter() - start
    if answer.status != 200:
        raise ServingError(f"{post.path} answered {answer.status}: {content[-300:]!r}")
    return seconds
