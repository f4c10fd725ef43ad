"""The chain: what is written is read back, hashed as documented, and whole."""

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_entries import DIGEST, ENTRY, chain_in_memory, engine_of, entry, write

from ordinis_mlflow.errors import InvalidConfig, InvalidEntry, LedgerError
from ordinis_mlflow.ledger import ACTIONS, Broken, Decision, Entry, Ledger
from ordinis_mlflow.verdict import Verdict

NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
TEXT = st.text(max_size=40)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
VERDICTS = st.builds(
    Verdict, name=TEXT, passed=st.booleans(), observed=st.floats(), limit=st.floats(), reason=TEXT
)
ENTRIES = st.builds(
    Entry,
    at=st.integers(0, 2**63 - 1),
    who=NAME,
    action=st.sampled_from(ACTIONS),
    model=NAME,
    workspace=NAME,
    version=NAME,
    target=NAME,
    previous=NAME,
    verdicts=st.lists(VERDICTS, max_size=3).map(tuple),
    digests=st.dictionaries(TEXT, SHA256, max_size=3),
    policy=st.just("") | SHA256,
    reason=NAME,
)


def audit(connection):
    """What an auditor writes with nothing of ours: the last number and hash of a whole chain."""
    number, previous = 0, "0" * 64
    for row in connection.execute("SELECT * FROM ordinis_decisions ORDER BY number"):
        row = dict(row)
        found = row.pop("hash")
        row["verdicts"], row["digests"] = json.loads(row["verdicts"]), json.loads(row["digests"])
        text = json.dumps(row, sort_keys=True, separators=(",", ":"))
        assert (row["number"], row["previous_hash"]) == (number + 1, previous)
        assert found == hashlib.sha256(text.encode()).hexdigest()
        number, previous = row["number"], found
    return number, previous


def rows(engine):
    """A connection as the auditor has it: rows by the names of their columns."""

    class Connection:
        def execute(self, query):
            with engine.connect() as connection:
                return [row._mapping for row in connection.execute(sa.text(query))]

    return Connection()


def same(left, right):
    """Equal, with nan equal to itself."""
    return repr(left) == repr(right)


@settings(max_examples=30)
@given(st.lists(ENTRIES, max_size=5))
def test_any_entries_make_a_whole_chain_that_says_what_was_written(entries):
    raw, ledger = chain_in_memory(entries)
    found = ledger.decisions(workspace=None)[::-1]
    ordered = [replace(each, digests=dict(sorted(each.digests.items()))) for each in entries]
    assert same([decision.entry for decision in found], ordered)
    assert [decision.number for decision in found] == list(range(1, len(entries) + 1))
    assert ledger.verify(ledger.anchor()) == []
    assert ledger.anchor() == "{}:{}".format(*audit(rows(ledger._engine)))
    raw.close()


def test_both_databases_keep_the_same_chain(ledger, engine):
    written = write(ledger, engine, *MANY)
    assert ledger.decisions(workspace=None)[::-1] == written
    assert ledger.verify() == []
    assert audit(rows(engine)) == (len(MANY), written[-1].hash)
    raw, other = chain_in_memory(MANY)
    assert other.anchor() == ledger.anchor()
    raw.close()


MANY = [
    entry(),
    entry(who="Σάκης 株", reason="größer; 'quoted' \\ \n %s :name", version="2", previous="1"),
    entry(workspace="desk", digests={"b": DIGEST, "a": DIGEST}, policy=""),
    entry(action="refuse", verdicts=(Verdict("sharpe", False, -math.inf, -0.0, "\0 \ud800"),)),
    entry(at=2**63 - 1, verdicts=(), reason="x" * 100_000),
]


def test_figures_come_back_to_the_last_bit(in_memory):
    ledger, engine = in_memory
    figures = [0.1, 5e-324, 1.7976931348623157e308, -0.0, math.inf, -math.inf, math.nan, 3.0]
    verdicts = tuple(Verdict("x", True, figure, -figure, "") for figure in figures)
    write(ledger, engine, entry(verdicts=verdicts))
    assert same(ledger.decisions()[0].entry.verdicts, verdicts)
    assert ledger.verify() == []


def test_numbers_of_numpy_are_written_as_those_of_python(in_memory):
    ledger, engine = in_memory
    verdict = Verdict("x", np.bool_(True), np.float32(0.5), np.int64(2), "")
    (decision,) = write(ledger, engine, entry(verdicts=(verdict,)))
    assert same(decision.entry.verdicts, (Verdict("x", True, 0.5, 2.0, ""),))
    assert ledger.decisions() == [decision]


def test_what_is_rolled_back_was_not(ledger, engine):
    (first,) = write(ledger, engine, ENTRY)
    with engine.connect() as connection:
        lost = ledger.append(connection, entry(version="2"))
        connection.rollback()
    (second,) = write(ledger, engine, entry(version="3"))
    assert (lost.number, second.number, second.previous_hash) == (2, 2, first.hash)
    assert ledger.verify() == []


def test_several_decisions_in_one_transaction(ledger, engine):
    with engine.begin() as connection:
        ledger.lock(connection)
        found = [ledger.append(connection, entry(version=str(n))) for n in range(3)]
    assert ledger.decisions() == found[::-1]
    assert ledger.verify() == []


def test_decisions_by_model_workspace_and_page(ledger, engine):
    one, two, three, four = write(
        ledger,
        engine,
        entry(model="a"),
        entry(model="b"),
        entry(model="a", workspace="desk"),
        entry(model="a", action="rename", target="b", version=""),
    )
    assert ledger.decisions() == [four, two, one]
    assert ledger.decisions(workspace=None, limit=2) == [four, three]
    assert ledger.decisions(workspace=None, before=3) == [two, one]
    assert ledger.decisions("a") == [four, one]
    assert ledger.decisions("b") == [four, two]
    assert ledger.decisions("a", workspace="desk") == [three]
    assert ledger.decision(2) == two
    assert ledger.decision(9) is None


def test_an_empty_ledger_is_whole(in_memory):
    ledger, _ = in_memory
    assert ledger.verify(ledger.anchor()) == []
    assert ledger.anchor() == f"0:{'0' * 64}"
    assert ledger.decisions() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"at": -1}, "at must be UTC nanoseconds"),
        ({"at": 2**63}, "at must be UTC nanoseconds"),
        ({"at": True}, "got True"),
        ({"at": 1.5}, "got 1.5"),
        ({"action": "bribe"}, "one of promote, refuse, .* got 'bribe'"),
        ({"who": None}, "who must be text, got None"),
        ({"model": "m" * 257}, "model may have 256 characters, got 257"),
        ({"reason": "a\0b"}, "reason holds a NUL or half a surrogate pair"),
        ({"version": "\ud800"}, "version holds a NUL or half"),
        ({"policy": "AB" * 32}, "policy must be a SHA-256 of 64 digits 0-9a-f"),
        ({"digests": {"w.npz": "ab"}}, "the digest of 'w.npz' must be a SHA-256"),
    ],
)
def test_what_cannot_be_kept_is_refused(changes, said):
    with pytest.raises(InvalidEntry, match=said):
        replace(ENTRY, **changes)


@pytest.mark.parametrize(
    "anchor", ["", "1", "1:ab", f"-1:{DIGEST}", f"1:{DIGEST}\n", "x:" + DIGEST]
)
def test_an_anchor_of_another_form_is_refused(in_memory, anchor):
    ledger, _ = in_memory
    with pytest.raises(InvalidConfig, match="an anchor must be <number>:<SHA-256>"):
        ledger.verify(anchor)


def test_an_anchor_of_before_still_holds(in_memory):
    ledger, engine = in_memory
    write(ledger, engine, ENTRY, ENTRY)
    anchor = ledger.anchor()
    write(ledger, engine, ENTRY)
    assert ledger.verify(anchor) == []
    assert ledger.verify(f"9:{DIGEST}") == [Broken(9, "anchor", DIGEST, "nothing")]
    other = f"2:{DIGEST}"
    assert ledger.verify(other) == [Broken(2, "anchor", DIGEST, ledger.decision(2).hash)]


def test_a_place_that_does_not_fit_is_said_in_words():
    assert str(Broken(3, "hash", "a", "b")) == "decision 3: hash should be a, found b"


def test_each_statement_for_itself_is_no_transaction(ledger, engine):
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        pytest.raises(LedgerError, match="a decision needs a transaction"),
    ):
        ledger.append(connection, ENTRY)


def test_an_entry_is_a_value(in_memory):
    ledger, engine = in_memory
    (decision,) = write(ledger, engine, ENTRY)
    assert decision == Decision(1, ENTRY, "0" * 64, decision.hash)


def test_another_process_reads_the_same(ledger, engine, database):
    written = write(ledger, engine, ENTRY)
    assert Ledger(engine_of(database)).decisions() == written
