"""The one table of names: sound by Prometheus' conventions, and what the document says."""

import re
from pathlib import Path

import pytest

from ordinis_mlflow.telemetry.names import DEFINITIONS
from ordinis_mlflow.telemetry.table import markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_document_is_the_definitions():
    assert DOCUMENT.read_text(encoding="utf-8") == markdown(), "run: make docs"


def test_every_metric_stands_once_in_the_document():
    text = DOCUMENT.read_text(encoding="utf-8")
    for each in DEFINITIONS:
        assert text.count(f"| `{each.name}` | {each.kind} |") == 1
    assert len({each.name for each in DEFINITIONS}) == len(DEFINITIONS)


@pytest.mark.parametrize("each", DEFINITIONS, ids=lambda each: each.name)
def test_names_follow_prometheus(each):
    """prometheus.io/docs/practices/naming: a prefix, a base unit, _total for counters alone."""
    assert re.fullmatch(r"ordinis_[a-z_]*[a-z]", each.name)
    assert each.name.endswith("_total") == (each.kind == "counter")
    assert each.name.endswith("_seconds") == each.unit.startswith("seconds")
    assert not re.search(r"_(bucket|count|sum|created)$", each.name)
    assert each.help.endswith(".")
    assert bool(each.bounds) == (each.kind == "histogram")
    assert list(each.bounds) == sorted(set(each.bounds))
    assert not {"le", "pid", "job", "instance"} & set(each.labels)
