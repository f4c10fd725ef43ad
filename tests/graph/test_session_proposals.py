"""The space of a session and proposals out of it: read back as written, and else refused."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.errors import InvalidProposal
from ordinis_mlflow.graph.machine import Machine
from ordinis_mlflow.graph.proposal import Figures, Proposal
from ordinis_mlflow.graph.runtime import onnxruntime
from ordinis_mlflow.graph.session import LEVELS, PROVIDERS, SessionSettings
from ordinis_mlflow.graph.tunables import session_space, settings_of

CPU = Machine("a processor", 4, "1.32.0", "CPUExecutionProvider")
GPU = replace(CPU, provider="CUDAExecutionProvider")
FIGURES = Figures(1.4, 1.3, 1.5, 20e3, 0.2, 0.3, 0.4)
WHEN = datetime(2026, 11, 24, 19, 0, 1, tzinfo=UTC)


def proposal(machine=CPU, **settings):
    return Proposal(machine, "float32", SessionSettings(**settings), FIGURES, "abc", WHEN)


@pytest.mark.parametrize("machine", [CPU, GPU, replace(CPU, cores=1), replace(CPU, cores=5000)])
def test_the_space_is_that_of_the_settings(machine):
    space = session_space(machine)
    assert settings_of(space.defaults()) == SessionSettings()
    assert {param.name for param in space.params} <= {
        field.name for field in fields(SessionSettings)
    }
    assert space.finite


def test_every_level_and_as_many_threads_as_cores_may_be_tried():
    space = session_space(CPU)
    assert set(space["graph_optimization"].choices) == set(LEVELS)
    assert space["threads"].choices == (1, 2, 3, 0)
    assert space["intra_op_threads"].choices == (1, 2, 3, 4)
    assert space["inter_op_threads"].choices == (1, 2, 3, 4)
    assert session_space(replace(CPU, cores=1))["threads"].choices == (0,)


def test_threads_are_a_matter_of_the_cpu_where_there_is_a_gpu():
    space = session_space(GPU)
    assert set(space.defaults()) == {"provider", "graph_optimization", "cuda_chunk_size"}
    chosen = {"provider": "cpu", "graph_optimization": "all", "threads": 1, "chunk_size": 8}
    on_cpu = space.check(chosen | {"intra_op_threads": 4, "inter_op_threads": 1})
    assert settings_of(on_cpu) == SessionSettings(
        "cpu", threads=1, intra_op_threads=4, chunk_size=8
    )


@st.composite
def proposals(draw):
    machine = draw(st.sampled_from([CPU, GPU]))
    configuration = draw(st.sampled_from(list(session_space(machine).grid())))
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    figures = Figures(*(draw(numbers) for _ in fields(Figures)))
    when = draw(
        st.datetimes(datetime(2020, 1, 1), timezones=st.just(timezone(timedelta(hours=5))))
    ).replace(microsecond=0)
    name = draw(st.sampled_from(["float32", "int8", "fp16"]))
    return Proposal(machine, name, settings_of(configuration), figures, "r", when)


@given(proposals())
def test_what_was_written_is_read(made):
    assert Proposal.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    "settings",
    [
        {"threads": 4},
        {"intra_op_threads": 5},
        {"inter_op_threads": 5},
        {"chunk_size": 33},
        {"provider": "cpu"},
        {"cuda_chunk_size": 512},
    ],
)
def test_what_cannot_be_tuned_is_not_proposed(settings):
    with pytest.raises(InvalidProposal):
        proposal(**settings)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(InvalidProposal, match="zone"):
        replace(proposal(), measured_at=datetime(2026, 1, 1))


def test_a_machine_is_known_by_all_that_it_is():
    others = [
        replace(CPU, processor="b"), replace(CPU, cores=5), replace(CPU, onnxruntime="1.33.0"), GPU,
    ]  # fmt: skip
    assert len({each.digest for each in (CPU, *others)}) == 5
    assert CPU.digest == replace(CPU).digest
    assert len(CPU.digest) == 12


def test_this_machine():
    here = Machine.here(PROVIDERS["cpu"])
    assert here == Machine.here(PROVIDERS["cpu"])
    assert here.processor
    assert here.cores >= 1
    assert here.onnxruntime == onnxruntime.__version__


def test_it_is_one_line_of_json():
    text = proposal(chunk_size=8).to_json()
    assert "\n" not in text
    said = json.loads(text)
    own = {"intra_op_threads": 1, "inter_op_threads": 1}
    assert said["settings"] == own | {
        "threads": 0, "chunk_size": 8, "graph_optimization": "all",
    }  # fmt: skip
    assert said["measured_at"] == "2026-11-24T19:00:01+00:00"
