"""What is said on a connection by who is slow, endless, many, or wants to be two requests."""

import contextlib
import json
import re
import socket
import ssl
import time

import psutil
import pytest
from command_server import answers, command_server, one_answer, until_closed

PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
CONNECTIONS = 5
MIB = 2**20


@pytest.fixture(scope="module")
def server(saved_package):
    seconds = [each for name in ("header", "read", "answer") for each in (f"--{name}_seconds", 1)]
    limits = (*seconds, "--idle_seconds", 3, "--body_bytes", 100_000)
    with command_server(saved_package, *limits) as running:
        yield running


@pytest.fixture(autouse=True)
def well_afterwards(server):
    """Whatever was done to it, it answers the next client, and nobody saw a trace."""
    yield
    assert answers(server.said(LAST)) == [(200, b"\n")]
    assert "Traceback" not in server.log.read_text()


def one_line(received, status, code):
    """The one answer there is, as JSON of one line."""
    ((got, body),) = answers(received)
    assert got == status, body
    assert b"\n" not in body
    assert json.loads(body)["error_code"] == code
    return json.loads(body)["message"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /ping HTTP/9.9\r\n\r\n",
        b"GET /ping HTTP/1.1 x\r\n\r\n",
        b"FETCH /ping HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET ping HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /p\xffng HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nHost: x\x00y\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request(server, sent):
    assert "HTTP/1.1" in one_line(server.said(sent), 400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
        b"Content-Length: 0, 40\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 0x0\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Content-Length : 0\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        b"X: y\nContent-Length: 0\r\n\r\n",
        b"X: y\rContent-Length: 0\r\n\r\n",
    ],
)
def test_a_body_has_one_length_and_what_follows_is_never_a_request(server, framing):
    received = server.said(POST + framing + SMUGGLED)
    assert {status for status, _ in answers(received)} == {400}
    assert b"ordinis_requests_total" not in received


def test_pipelined_requests_are_answered_in_their_order(server):
    ask = b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Request-Id: n%d\r\n\r\n"
    received = server.said(b"".join(ask % n for n in range(50)) + LAST)
    assert [status for status, _ in answers(received)] == [200] * 51
    ids = re.findall(rb"x-request-id: n(\d+)\r", received)
    assert ids == [b"%d" % n for n in range(50)]


def test_pipelined_bodies_are_not_mixed(server, small_windows, small_model):
    bodies = [json.dumps({"inputs": small_windows[n : n + 1].tolist()}).encode() for n in range(6)]
    sent = b"".join(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies)
    for n, (status, body) in enumerate(answers(server.said(sent + LAST))[:-1]):
        assert status == 200
        expected = small_model.predict(small_windows[n : n + 1]).records()[0]
        assert json.loads(body)["predictions"] == [pytest.approx(expected, rel=1e-6)]


@pytest.mark.parametrize("said", [b"", PING], ids=["at once", "after a request"])
@pytest.mark.parametrize("begun", [b"G", b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Slow: 1"])
def test_headers_that_do_not_end(server, said, begun):
    *before, last = answers(server.said(said + begun))
    assert [status for status, _ in before] == ([200] if said else [])
    assert last[0] == 408
    assert json.loads(last[1])["error_code"] == "DEADLINE_EXCEEDED"


def test_headers_that_come_byte_by_byte(server):
    """Each byte in time, the whole never."""
    with server.connected() as connection:
        connection.settimeout(0.1)
        received, sent = b"", 0
        with contextlib.suppress(ConnectionError):
            while not received and sent < 600:
                connection.sendall(b"GET /ping HTTP/1.1\r\nX: "[sent : sent + 1] or b"x")
                sent += 1
                with contextlib.suppress(TimeoutError):
                    received = connection.recv(4096)
    assert b"408" in received


def test_a_connection_on_which_nothing_is_said(server):
    assert server.said() == b""


def test_a_body_that_does_not_come(server):
    sent = POST + b"Content-Length: 100\r\n\r\n{"
    assert "within 1 s" in one_line(server.said(sent), 408, "DEADLINE_EXCEEDED")


def test_a_body_of_which_half_comes(server):
    for _ in range(20):
        with server.connected() as connection:
            connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * MIB,
        b"GET /ping HTTP/1.1\r\nX: " + b"a" * MIB,
        b"GET /ping HTTP/1.1\r\n" + b"X: a\r\n" * (MIB // 6),
        b"GET /ping HTTP/1.1\r\n" + b"a" * MIB,
    ],
    ids=["path", "value", "many", "name"],
)
def test_headers_that_are_too_large(server, endless):
    received = server.said(endless)
    assert received is None or b" 431 " in received.split(b"\r\n")[0]


def test_trailers_that_do_not_end(server):
    """They belong to no body, whose size is bounded, and to no headers, which are complete."""
    before = psutil.Process(server.process.pid).memory_info().rss
    opening = POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    received = server.said(opening, *[b"X: " + b"a" * 1021] * (32 * 1024))
    assert received is None or {status for status, _ in answers(received)} <= {400, 408}
    assert psutil.Process(server.process.pid).memory_info().rss < before + 16 * MIB


def test_a_body_that_is_all_framing(server):
    received = server.said(
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        *[b"1;" + b"x" * 1000 + b"\r\n \r\n"] * 32 * 1024,
    )
    assert received is None or {status for status, _ in answers(received)} <= {400, 408}


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_is_not_taken_up(server, protocol):
    with server.connected() as connection:
        asked = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"
        connection.sendall(asked % protocol)
        assert one_answer(connection) == (200, b"\n")
        connection.sendall(LAST)
        assert answers(until_closed(connection)) == [(200, b"\n")]


def test_too_many_connections_are_told_so_and_of_far_too_many_none_is_heard(saved_package):
    with (
        command_server(saved_package, "--connections", CONNECTIONS) as server,
        contextlib.ExitStack() as many,
    ):
        held = [many.enter_context(server.connected()) for _ in range(CONNECTIONS)]
        for connection in held:
            connection.sendall(PING)
            assert one_answer(connection) == (200, b"\n")
        busy = server.said(PING)
        assert "too many connections" in one_line(busy, 503, "TEMPORARILY_UNAVAILABLE")
        assert b"retry-after: 1\r\n" in busy
        silent = [many.enter_context(server.connected()) for _ in range(CONNECTIONS)]
        assert server.said(PING) in (None, b"")
        held[0].sendall(PING)
        assert one_answer(held[0]) == (200, b"\n")
        for connection in (*held, *silent):
            connection.close()
        # Closed connections are forgotten in the order in which they came, before a new one comes.
        assert answers(server.said(LAST)) == [(200, b"\n")]


def test_who_does_not_read_is_not_kept(server):
    """Answers that nobody takes would fill the memory, and keep the connection for ever."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", server.port))
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        process = psutil.Process(server.process.pid)
        local = connection.getsockname()
        while any(each.raddr[:2] == local for each in process.net_connections() if each.raddr):
            time.sleep(0.1)
        assert process.memory_info().rss < 2**30


def test_tls_is_no_request(server):
    """A client that believes it speaks to a server with a certificate."""
    context = ssl.create_default_context()
    with server.connected() as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")
