"""Bodies that nobody would send by accident: each is refused in one line, and the server stands."""

import datetime as dt
import decimal
import itertools
import json

import numpy as np
import psutil
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signal_server import serving
from table_bodies import (
    FILE,
    PARQUET,
    STREAM,
    WRITERS,
    arrow,
    arrow_file,
    damaged,
    few_bars,
    parquet,
    table_of,
)

from ordinis_mlflow.serving.settings import ServingSettings

pytestmark = pytest.mark.usefixtures("tracking_store")
fuzz = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
MEGABYTE = 2**20
FORMS = ("inputs", "instances", "dataframe_split", "dataframe_records", "params")
NAMES = ("bars", "columns", "data", "index", "symbol", "timestamp", "open", "Close", "volume")


@pytest.fixture(scope="module")
def server(saved_package):
    with serving(ServingSettings(model=str(saved_package))) as running:
        yield running


@pytest.fixture(scope="module")
def bodies(small_frame):
    """A valid body of each form."""
    latest = small_frame.groupby("symbol").tail(140)
    return {media: write(latest) for media, write in WRITERS.items()}


def in_one_line(answer, statuses):
    """Whatever it says, it is JSON as it should be, and tells nothing of the server's inside."""
    assert answer.status in statuses, (answer.status, answer.body[:300])
    told = json.loads(answer.body, parse_constant=pytest.fail)
    if answer.status != 200:
        assert told.keys() == {"error_code", "message"}
        assert len(answer.body) < 2500
        assert len(told["message"]) <= 500
    assert b"\n" not in answer.body
    for inside in (b"Traceback", b".py", b"pyarrow", b"pandas", b"/home", b"site-packages"):
        assert inside not in answer.body
    return told.get("message", "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=6) | st.dictionaries(st.sampled_from(NAMES), each),
    max_leaves=30,
)


@fuzz
@given(st.dictionaries(st.sampled_from(FORMS), anything, min_size=1))
def test_trees_of_json(server, tree):
    in_one_line(server.post(tree), {400})


@fuzz
@given(st.sampled_from(list(WRITERS)), st.binary(max_size=200))
def test_bytes_of_any_kind(server, media, body):
    in_one_line(server.post(body, media), {400})


@fuzz
@given(st.sampled_from([None, "", "text/csv", "application/xml", "a/b;c=d", "multipart/form-data"]))
def test_content_types_of_any_kind(server, media):
    in_one_line(server.post(b"{}", media), {415})


@pytest.mark.parametrize("media", WRITERS)
def test_damaged_bodies(server, bodies, media):
    @fuzz
    @given(damaged(bodies[media]))
    def attack(body):
        in_one_line(server.post(body, media), {200, 400, 413})

    attack()


@pytest.mark.parametrize("media", [PARQUET, STREAM, FILE])
def test_damage_that_aims_at_the_structure(server, media):
    """In a small table, most bytes are footers, headers and offsets."""

    @fuzz
    @given(damaged(WRITERS[media](few_bars())))
    def attack(body):
        in_one_line(server.post(body, media), {400, 413})

    attack()


@pytest.mark.parametrize("media", WRITERS)
def test_bodies_that_end_early(server, media):
    body = WRITERS[media](few_bars())
    for end in itertools.chain(range(0, 64), range(64, len(body), 61)):
        in_one_line(server.post(body[:end], media), {400})


@pytest.mark.parametrize("media", WRITERS)
@pytest.mark.parametrize("sent", WRITERS)
def test_one_form_sent_as_another(server, bodies, media, sent):
    in_one_line(server.post(bodies[sent], media), {200} if media == sent else {400})


def replaced(name, values):
    """A table in which one column is another."""
    table = table_of(few_bars())
    return table.set_column(table.schema.get_field_index(name), name, values)


TYPES = {
    "nested numbers": ("close", pa.array([[1.0]] * 3)),
    "structs": ("symbol", pa.array([{"symbol": "A"}] * 3)),
    "maps": ("volume", pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64()))),
    "decimals": ("close", pa.array([decimal.Decimal("1.5")] * 3)),
    "text as numbers": ("open", pa.array(["100.0"] * 3)),
    "truth as numbers": ("volume", pa.array([True] * 3)),
    "dictionaries of numbers": ("close", pa.array([100.0] * 3).dictionary_encode()),
    "bytes as symbols": ("symbol", pa.array([b"A"] * 3)),
    "numbers with a point as symbols": ("symbol", pa.array([1.5] * 3)),
    "dates": ("timestamp", pa.array([dt.date(2020, 1, 1)] * 3)),
    "times of day": ("timestamp", pa.array([dt.time(1)] * 3)),
    "times without a zone": ("timestamp", pa.array([dt.datetime(2020, 1, 1)] * 3)),
    "seconds": ("timestamp", pa.array([1577836800] * 3)),
    "durations": ("volume", pa.array([dt.timedelta(1)] * 3)),
    "nothing": ("close", pa.nulls(3)),
    "missing symbols": ("symbol", pa.array([None, "A", "A"])),
    "missing times": ("timestamp", pa.array([None] * 3, pa.timestamp("ns", "UTC"))),
    "missing numbers": ("close", pa.array([None, 100.0, 100.0])),
    "no numbers": ("close", pa.array([float("nan")] * 3)),
    "times beyond": ("timestamp", pa.array([2**55, 1, 2], pa.timestamp("ms", "UTC"))),
    "a zone that is none": ("timestamp", pa.array([1, 1, 1], pa.timestamp("s", "No/Where"))),
    "a zone of a file": ("timestamp", pa.array([1, 1, 1], pa.timestamp("s", "../../etc/passwd"))),
    "long text": ("symbol", pa.array(["S" * MEGABYTE] * 3)),
    "long times": ("timestamp", pa.array(["2020-01-01" + "0" * MEGABYTE] * 3)),
    "views": ("symbol", pa.array(["A"] * 3, pa.string_view())),
    "an extension": ("symbol", pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1"] * 3))),
    "a tensor": ("close", pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float64(), [1]), pa.array([[1.0]] * 3, pa.list_(pa.float64(), 1))
    )),
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("media", [PARQUET, STREAM, FILE])
def test_columns_of_other_types(server, kind, media):
    body = WRITERS[media](replaced(*TYPES[kind]))
    in_one_line(server.post(body, media), {400})


@pytest.mark.parametrize("extra", [2**10, 2**15])
@pytest.mark.parametrize("media", [PARQUET, STREAM])
def test_many_columns_that_mean_nothing(server, extra, media):
    table = table_of(few_bars())
    named = {f"x{n}": pa.array([1.0] * 3) for n in range(extra)}
    wide = pa.table(dict(zip(table.schema.names, table.columns, strict=True)) | named)
    assert "3 bars" in in_one_line(server.post(WRITERS[media](wide), media), {400}) or extra > 2**10


def memory(server):
    return psutil.Process(server.process.pid).memory_info().rss


@pytest.fixture
def frugal(server):
    """The server holds hardly more memory after the attack than before."""
    before = memory(server)
    yield server
    assert memory(server) - before < 200 * MEGABYTE


def coded(text, rows):
    """A column that says the same in each row, and holds it once."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [text])


def rows_of(text, rows):
    return pa.table({"symbol": coded(text, rows).dictionary_decode()})


def test_parquet_that_unpacks_to_more_than_a_table_may_have(frugal):
    """300 MB of text in a few kilobytes, though the rows are not too many."""
    body = parquet(
        rows_of("S" * 1000, 300_000), compression="zstd", use_dictionary=False,
        data_page_size=2**30,
    )  # fmt: skip
    assert len(body) < MEGABYTE
    assert "more than" in in_one_line(frugal.post(body, PARQUET), {413})


def test_one_long_text_for_each_row(frugal):
    """A gigabyte, were each row's own written out."""
    table = pa.table({"symbol": coded("S" * 10_000, 100_000)})
    assert in_one_line(frugal.post(parquet(table), PARQUET), {400})
    assert in_one_line(frugal.post(arrow(table), STREAM), {400})


def test_text_that_repeats_the_one_before(server):
    table = table_of(few_bars())
    body = parquet(table, use_dictionary=False, column_encoding={"symbol": "DELTA_BYTE_ARRAY"})
    assert "DELTA_BYTE_ARRAY" in in_one_line(server.post(body, PARQUET), {400})


def test_more_row_groups_or_batches_than_anyone_needs(server):
    table = table_of(few_bars(5000))
    many = parquet(table, row_group_size=1)
    assert "row groups" in in_one_line(server.post(many, PARQUET), {413})
    batches = pa.Table.from_batches(list(table.to_batches(max_chunksize=1)), table.schema)
    assert "batches" in in_one_line(server.post(arrow(batches), STREAM), {413})


def test_a_footer_that_tells_of_other_rows(server):
    """The number of rows, patched in the footer: 5,000 said to be 1,000."""
    body = parquet(few_bars(5000))
    footer = body.rindex(b"\x16\x90\x4e")  # a 64-bit field, and 5,000 as Thrift writes it
    lying = body[:footer] + b"\x16\xd0\x0f" + body[footer + 3 :]
    in_one_line(server.post(lying, PARQUET), {400})


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
@pytest.mark.parametrize("form", [STREAM, FILE])
def test_compressed_arrow(frugal, codec, form):
    """What it unpacks to is only known afterwards."""
    new = {STREAM: pa.ipc.new_stream, FILE: pa.ipc.new_file}[form]
    for table in (few_bars(), rows_of("S" * 1000, 300_000)):
        body = arrow(table, new, compression=codec)
        assert "compressed" in in_one_line(frugal.post(body, form), {400})
    body = arrow(pa.table({"symbol": coded("S" * 100_000, 9)}), new, compression=codec)
    assert "compressed" in in_one_line(frugal.post(body, form), {400})


def test_arrow_that_points_outside_itself(server):
    """Where reading on would read the memory of others."""
    beyond = pa.DictionaryArray.from_arrays(
        pa.array([0, 9, 2**30], pa.int32()), pa.array(["A"]), safe=False
    )
    offsets = pa.py_buffer(np.array([0, 2**28, 2**30, 1], np.int32))
    text = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"AAA"))
    bad = pa.StringArray.from_buffers(
        3, pa.py_buffer(np.arange(4, dtype=np.int32)), pa.py_buffer(b"\xff\xfe\xfd")
    )
    for column in (beyond, text, bad):
        in_one_line(server.post(arrow(replaced("symbol", column)), STREAM), {400})
        in_one_line(server.post(arrow_file(replaced("symbol", column)), FILE), {400})


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 10_000, b"0." + b"1" * 100_000])
def test_numbers_of_many_digits_in_tables(server, number):
    body = b'{"dataframe_records": [{"symbol": "A", "timestamp": "x", "close": %b}]}' % number
    in_one_line(server.post(body), {400})


def test_it_still_stands(server, bodies):
    for media, body in bodies.items():
        assert server.post(body, media).status == 200
    assert server.alive()
    assert server.log.read_text() == ""
