"""JoinedWrites: every byte leaves, in order, heads with their bodies."""

from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.serving.joined_writes import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


class Transport:
    def __init__(self):
        self.written, self.closed = [], False

    def write(self, data):
        assert not self.closed
        self.written.append(data)

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def test_a_head_leaves_with_its_body():
    transport = Transport()
    joined = JoinedWrites(transport)
    joined.write(HEAD)
    assert transport.written == []
    joined.write(b"{}")
    assert transport.written == [HEAD + b"{}"]


def test_a_head_without_a_body_leaves_when_the_answer_is_complete_or_the_end_comes():
    for end in (JoinedWrites.flush, JoinedWrites.close):
        transport = Transport()
        joined = JoinedWrites(transport)
        joined.write(HEAD)
        end(joined)
        end(joined)
        assert transport.written == [HEAD]
        assert joined.is_closing() == transport.closed


@given(st.lists(st.sampled_from([HEAD, b"{}", b"", b"HTTP/1.1 400 Bad\r\n\r\nno"])))
def test_nothing_is_lost_or_changes_places(parts):
    transport = Transport()
    joined = JoinedWrites(transport)
    for part in parts:
        joined.write(part)
    joined.close()
    assert b"".join(transport.written) == b"".join(parts)
