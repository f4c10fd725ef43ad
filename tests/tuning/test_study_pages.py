"""Pages of a study: whole by themselves, with every trial in them."""

import re

import pytest
from spaces import NESTED

from ordinis_mlflow.tuning import Objective, open_study, run_trials
from ordinis_mlflow.tuning.figures import pages

KINDS = {"history", "importance", "parallel_coordinate", "slice"}


def measured(objectives, trials=12):
    study = open_study("<b> & co", NESTED, objectives, method="random", seed=3)

    def measure(suggestion, _):
        number = float(suggestion.number)
        return {each.name: number * (index + 1) for index, each in enumerate(objectives)}

    if trials:
        run_trials(study, measure, trials)
    return study


@pytest.fixture(scope="module")
def single():
    return pages(measured([Objective("score")]))


@pytest.fixture(scope="module")
def several():
    return pages(measured([Objective("score"), Objective("p99_ms", "minimize")]))


def test_of_one_objective(single):
    assert single.keys() == KINDS


def test_of_several_there_is_a_front(several):
    assert several.keys() == {*KINDS, "pareto"}


@pytest.mark.parametrize("made", ["single", "several"])
def test_each_holds_plotly_once_and_asks_no_network(made, request):
    for page in request.getfixturevalue(made).values():
        scripts = re.findall(r"<script[^>]*>", page)
        assert not any("src=" in script for script in scripts)
        assert page.count("plotly.js v") == 1
        assert 4_000_000 < len(page.encode()) < 6_000_000
        assert page.startswith("<!doctype html>")
        assert page.endswith("</html>\n")


def test_each_objective_has_a_figure(several):
    for name in KINDS:
        assert several[name].count("Plotly.newPlot(") >= 2
        for objective in ("score", "p99_ms"):
            assert objective in several[name]


def test_a_name_is_text_and_no_html(single):
    assert "<title>&lt;b&gt; &amp; co: slice</title>" in single["slice"]


@pytest.mark.parametrize("trials", [0, 1])
def test_there_is_nothing_to_draw_of_less_than_two(trials):
    assert pages(measured([Objective("score")], trials)) == {}


def test_importance_is_of_what_is_better(several):
    """Both objectives are the trial's number, one maximised and one minimised: not the same."""
    found = re.findall(r'"x":\[([^\]]*)\]', several["importance"])
    assert len(found) >= 2
    assert found[0] != found[1]
