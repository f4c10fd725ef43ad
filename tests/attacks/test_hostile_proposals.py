"""Whoever may tag a version may propose anything: nothing but a bounded setting comes of it."""

import json
import os
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_proposals import for_here, here, tag
from shelf import Shelf

from ordinis_mlflow import flavor
from ordinis_mlflow.errors import InvalidProposal
from ordinis_mlflow.graph.proposal import MOST_LETTERS, Proposal
from ordinis_mlflow.graph.session import SessionSettings


def said(**changes):
    """A proposal for this machine, some of it another."""
    return {**json.loads(for_here().to_json()), **changes}


def settings(**changes):
    return said(settings={**said()["settings"], **changes})


def machine(**changes):
    return said(machine={**asdict(here()), **changes})


def figures(**changes):
    return said(figures={**said()["figures"], **changes})


HOSTILE = {
    "empty": "",
    "no JSON": "{",
    "a list": [],
    "a number": 7,
    "nothing in it": {},
    "deep": "[" * 4000,
    "endless": json.dumps(said())[:-1] + " " * MOST_LETTERS + "}",
    "said twice": json.dumps(said())[:-1] + ', "precision": "int8"}',
    "nan": json.dumps(figures(gain=float("nan"))),
    "infinity": json.dumps(said()).replace("1.4", "1e999"),
    "a name more": said(model="models:/evil/1"),
    "a name less": {k: v for k, v in said().items() if k != "figures"},
    "another format": said(format=2),
    "another precision": said(precision="int8"),
    "a precision with control characters": said(precision="float32\r\nGET / HTTP/1.1"),
    "a path as precision": said(precision="../../model.onnx"),
    "threads without end": settings(threads=100_000),
    "threads below zero": settings(threads=-1),
    "threads as text": settings(threads="2"),
    "threads as truth": settings(threads=True),
    "threads as float": settings(threads=1.0),
    "chunks of nothing": settings(chunk_size=0),
    "chunks without end": settings(chunk_size=2**62),
    "chunks that nobody tries": settings(chunk_size=33),
    "a GPU that is not there": settings(provider="cuda"),
    "a level that is none": settings(graph_optimization="__import__('os')"),
    "a setting that is none": settings(optimized_model_filepath="evil.onnx"),
    "a library of operators": settings(custom_ops_library="evil.so"),
    "settings of a list": said(settings=[1, 2]),
    "settings of nothing": said(settings={}),
    "another machine": machine(cores=here().cores + 1),
    "a machine that is none": said(machine="this one"),
    "cores without end": machine(cores=2**40),
    "no cores": machine(cores=0),
    "another runtime": machine(onnxruntime="0.1"),
    "figures as text": figures(gain="1.4"),
    "a run of a million letters": said(run_id="x" * 3000),
    "a time that is none": said(measured_at="now"),
    "a time without a zone": said(measured_at="2026-11-24T00:00:00"),
}


@pytest.fixture(scope="module")
def shelf(tracking_store, tmp_path_factory):
    return Shelf("hostile-proposals", tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def version(shelf, saved_package):
    return shelf.add(saved_package)


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_in_a_line_and_the_default_is_used(shelf, version, name, caplog, tmp_path):
    text = HOSTILE[name] if isinstance(HOSTILE[name], str) else json.dumps(HOSTILE[name])
    tag(shelf, version, text or " ")
    before = set(os.listdir())
    opened = flavor.load_proposed(f"models:/{shelf.name}/{version}", str(tmp_path))
    assert opened.fate == "refused"
    assert opened.model.settings == SessionSettings()
    (line,) = [each.getMessage() for each in caplog.records if "its proposal" in each.getMessage()]
    assert line.isprintable()
    assert len(line) < 500
    assert set(os.listdir()) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
PLACES = [(name,) for name in said()] + [
    (name, inner) for name, value in said().items() if isinstance(value, dict) for inner in value
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_anywhere_is_read_or_refused(place, value):
    document = said()
    inner = document
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    try:
        found = Proposal.from_json(json.dumps(document))
    except InvalidProposal:
        return
    assert Proposal.from_json(found.to_json()) == found  # it is one that could have been written


@given(st.text(max_size=200))
def test_no_text_does_anything_but_be_refused(text):
    with pytest.raises(InvalidProposal):
        Proposal.from_json(text)
