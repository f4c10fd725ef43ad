"""Proposals for the machine that tests run on, and versions that are tagged with them."""

from datetime import UTC, datetime

from ordinis_mlflow.flavor.proposed import tag_of
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.proposal import Figures, Proposal
from ordinis_mlflow.graph.session import PROVIDERS, SessionSettings

FIGURES = Figures(1.4, 1.3, 1.5, 20e3, 0.2, 0.3, 0.4)
CHUNKED = SessionSettings(chunk_size=8, graph_optimization="extended")


def here():
    return Machine.here(PROVIDERS["cpu"])


def for_here(settings=CHUNKED, machine=None, precision="float32"):
    when = datetime(2026, 11, 24, tzinfo=UTC)
    return Proposal(machine or here(), precision, settings, FIGURES, "abc", when)


def tag(shelf, version, text, precision="float32", machine=None):
    """As anybody who may tag versions can, whatever the text says."""
    key = tag_of(machine or here(), precision)
    shelf.client.set_model_version_tag(shelf.name, version, key, text)
