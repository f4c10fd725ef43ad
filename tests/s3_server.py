"""An S3 server of a test's own, on this machine."""

import contextlib
import logging

import pytest


@contextlib.contextmanager
def s3_server():
    """Its URL, until the end of the block; the test is skipped where moto is not installed."""
    moto = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
