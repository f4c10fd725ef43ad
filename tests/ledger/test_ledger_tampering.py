"""Whoever changes the ledger: triggers refuse it, and without triggers it is found."""

import functools
import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ledger_entries import chain_in_memory, copied, drop_triggers, entry

from ordinis_mlflow.errors import LedgerError
from ordinis_mlflow.ledger import Broken, chain
from ordinis_mlflow.ledger.tables import DECISIONS

COLUMNS = [column.name for column in DECISIONS.columns]
COUNT = 6
ENTRIES = [
    entry(version=str(n), previous=str(n - 1), workspace="desk", reason="größer", at=10**18 + n)
    for n in range(COUNT)
]


@functools.cache
def base():
    return chain_in_memory(ENTRIES)[0]


@pytest.fixture
def spoiled():
    """(connection without triggers, ledger) of a chain of its own."""
    raw, ledger = copied(base())
    drop_triggers(raw)
    yield raw, ledger
    raw.close()


def put(raw, table, column, key, text):
    """Write bytes as text, valid or not; columns of numbers take what they can."""
    statement = f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE {key[0]} = {key[1]}"
    raw.spoil(statement, (text,))


def value(raw, table, column, key):
    return raw.execute(
        f"SELECT CAST({column} AS BLOB) FROM {table} WHERE {key[0]} = {key[1]}"
    ).fetchone()[0]


PLACES = [("ordinis_decisions", column) for column in COLUMNS] + [
    ("ordinis_ledger_head", "number"),
    ("ordinis_ledger_head", "hash"),
]


@settings(max_examples=150)
@given(st.sampled_from(PLACES), st.integers(1, COUNT), st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_found(place, number, position, flip):
    table, column = place
    key = ("number", number) if table == "ordinis_decisions" else ("id", 1)
    raw, ledger = copied(base())
    drop_triggers(raw)
    before = value(raw, table, column, key)
    after = bytearray(before)
    after[position % len(after)] ^= flip
    if column in ("number", "at"):  # a column of numbers: another digit
        after[position % len(after)] = ord("0") + flip % 10
        assume(bytes(after) != before)
    try:
        put(raw, table, column, key, bytes(after))
    except raw.IntegrityError:  # a number that is in use
        assume(False)
    assert ledger.verify() != []
    raw.close()


@pytest.mark.parametrize("column", COLUMNS[1:])
@pytest.mark.parametrize("other", [None, b"x", 7, 0.5])
def test_a_value_of_another_type_is_found(spoiled, column, other):
    raw, ledger = spoiled
    raw.spoil("PRAGMA writable_schema = ON")  # NOT NULL goes too
    raw.spoil(
        "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') "
        "WHERE name = 'ordinis_decisions'"
    )
    raw.spoil("PRAGMA schema_version = 99")
    raw.spoil(f"UPDATE ordinis_decisions SET {column} = ? WHERE number = 2", (other,))
    assert 2 in {broken.number for broken in ledger.verify()}


@pytest.mark.parametrize("number", range(1, COUNT + 1))
def test_a_removed_decision_is_found(spoiled, number):
    raw, ledger = spoiled
    raw.spoil("DELETE FROM ordinis_decisions WHERE number = ?", (number,))
    assert ledger.verify()


@pytest.mark.parametrize("kept", range(COUNT))
def test_a_removed_tail_is_found(spoiled, kept):
    raw, ledger = spoiled
    raw.spoil("DELETE FROM ordinis_decisions WHERE number > ?", (kept,))
    head = ledger.anchor()
    hashes = ["0" * 64, *(decision.hash for decision in ledger.decisions(workspace=None)[::-1])]
    assert ledger.verify() == [Broken(kept, "head", f"{kept}:{hashes[kept]}", head)]


@pytest.mark.parametrize("first", range(1, COUNT))
@pytest.mark.parametrize("hashes_too", [False, True])
def test_exchanged_decisions_are_found(spoiled, first, hashes_too):
    raw, ledger = spoiled
    columns = [name for name in COLUMNS if name not in ("number", "previous_hash", "hash")]
    columns += ["hash"] if hashes_too else []
    rows = [
        raw.execute(
            f"SELECT {', '.join(columns)} FROM ordinis_decisions WHERE number = {number}"
        ).fetchone()
        for number in (first, first + 1)
    ]
    setting = ", ".join(f"{name} = ?" for name in columns)
    for number, row in ((first + 1, rows[0]), (first, rows[1])):
        raw.spoil(f"UPDATE ordinis_decisions SET {setting} WHERE number = {number}", row)
    assert {broken.number for broken in ledger.verify()} >= {first, first + 1}


@pytest.mark.parametrize("place", range(1, COUNT + 2))
def test_an_inserted_decision_is_found(spoiled, place):
    raw, ledger = spoiled
    last = ledger.decision(place - 1).hash if place > 1 else chain.NO_HASH
    raw.spoil("UPDATE ordinis_decisions SET number = -number WHERE number >= ?", (place,))
    raw.spoil("UPDATE ordinis_decisions SET number = 1 - number WHERE number < 0")
    raw.spoil(
        "UPDATE ordinis_decisions SET previous_hash = 'x' WHERE number = ?", (place + 1,)
    )  # the place after which it is said to come is unique
    insert(raw, chain.decide(entry(), place, last))
    assert ledger.verify()


def insert(raw, decision):
    row = chain.row_of(decision)
    marks = ", ".join("?" * len(row))
    raw.spoil(
        f"INSERT INTO ordinis_decisions ({', '.join(row)}) VALUES ({marks})", list(row.values())
    )


def test_a_lost_head_is_found(spoiled):
    raw, ledger = spoiled
    anchor = ledger.anchor()
    raw.spoil("DELETE FROM ordinis_ledger_head")
    assert ledger.verify() == [Broken(COUNT, "head", anchor, "nothing")]
    with pytest.raises(LedgerError, match="ordinis_ledger_head is missing"):
        ledger.anchor()
    with ledger._engine.connect() as connection, pytest.raises(LedgerError, match="is missing"):
        ledger.append(connection, entry())


def rewritten(raw, entries):
    """The whole table and the head, as if it had been so all along."""
    raw.spoil("DELETE FROM ordinis_decisions")
    last, number = chain.NO_HASH, 0
    for number, each in enumerate(entries, 1):
        decision = chain.decide(each, number, last)
        insert(raw, decision)
        last = decision.hash
    raw.spoil("UPDATE ordinis_ledger_head SET number = ?, hash = ?", (number, last))


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (ENTRIES[:-1], "nothing"),
        ([*ENTRIES[:2], replace(ENTRIES[2], who="nobody"), *ENTRIES[3:]], None),
        ([], "nothing"),
    ],
)
def test_what_was_rewritten_whole_is_found_by_an_anchor_alone(spoiled, entries, found):
    raw, ledger = spoiled
    anchor = ledger.anchor()
    assert ledger.verify(anchor) == []
    rewritten(raw, entries)
    assert ledger.verify() == []
    (broken,) = ledger.verify(anchor)
    assert (broken.number, broken.what) == (COUNT, "anchor")
    assert broken.found == found or (found is None and broken.found == ledger.decision(COUNT).hash)


def test_verdicts_that_were_made_to_pass_are_named(spoiled):
    raw, ledger = spoiled
    text = raw.execute("SELECT verdicts FROM ordinis_decisions WHERE number = 3").fetchone()[0]
    better = json.loads(text)
    better[0]["observed"] = 9.0
    put(raw, "ordinis_decisions", "verdicts", ("number", 3), chain.canonical(better).encode())
    (broken,) = ledger.verify()
    assert (broken.number, broken.what) == (3, "hash")


@pytest.mark.parametrize("column", ["verdicts", "digests"])
def test_json_in_another_form_is_found(spoiled, column):
    raw, ledger = spoiled
    raw.spoil(f"UPDATE ordinis_decisions SET {column} = {column} || ' ' WHERE number = 2")
    (broken,) = ledger.verify()
    assert (broken.number, broken.what) == (2, column)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[" * 100_000, b"7", b'[{"name":"x"}]', b'[["a","b"]]', b"null", b"\xff"),
        b'[{"name":"x","passed":true,"observed":"1","limit":NaN,"reason":""}]',
        b"9" * 9999,
    ],
)
@pytest.mark.parametrize("column", ["verdicts", "digests"])
def test_what_cannot_be_read_is_found_and_told(spoiled, column, text):
    raw, ledger = spoiled
    put(raw, "ordinis_decisions", column, ("number", 2), text)
    (broken,) = ledger.verify()
    assert (broken.number, broken.what) == (2, "decision")
    with pytest.raises(LedgerError, match=r"cannot be read|Could not decode"):
        ledger.decisions(workspace=None)
    assert str(broken).encode()
