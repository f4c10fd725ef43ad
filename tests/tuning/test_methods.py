"""The built-in optimisers: the contract, by hand what each does, and what is refused."""

from itertools import count

import optuna
import pytest
from contracts.optimiser_suite import ONE, TWO, OptimiserSuite
from spaces import NESTED, SMALL

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.params import FloatParam, Space
from ordinis_mlflow.tuning import METHODS, PRUNERS, Objective, Pruned, grid, open_study, run_trials

NUMBERS = count()


class Builtin(OptimiserSuite):
    method: str
    url: str | None = None

    @pytest.fixture
    def make(self):
        opened = []

        def study(space, objectives, seed=0):
            name = f"study {next(NUMBERS)}"
            url = self.url
            opened.append(
                open_study(name, space, objectives, url=url, method=self.method, seed=seed)
            )
            return opened[-1]

        yield study
        for each in opened:
            each.close()


class TestTpe(Builtin):
    method = "tpe"


class TestGp(Builtin):
    method = "gp"
    trials = 12  # it fits a process from the tenth on, a third of a second each


class TestCmaes(Builtin):
    method = "cmaes"
    several = False


class TestNsgaii(Builtin):
    method = "nsgaii"


class TestRandom(Builtin):
    method = "random"


class TestGrid(Builtin):
    method = "grid"


class TestInADatabase(Builtin):
    """The same promises, kept by SQLite."""

    method = "tpe"
    trials = 12  # its first ten are drawn at random, and a database takes its time for each

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def place(cls, tmp_path_factory):
        """One for all its tests: to make the tables takes longer than most of them."""
        cls.url = f"sqlite:///{tmp_path_factory.mktemp('studies') / 'mlflow.db'}"


def test_all_are_held_to_the_contract():
    tested = {suite.method for suite in Builtin.__subclasses__()}
    assert tested == set(METHODS)


@pytest.mark.parametrize(("method", "trials"), [("tpe", 50), ("gp", 20), ("cmaes", 40)])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_those_that_learn_go_where_it_is_better(method, trials, direction):
    """To the middle of a bowl: their last tries are nearer to it than their first ones."""
    params = tuple(FloatParam(name, -3.0, 3.0, default=3.0) for name in "xy")
    sign = -1 if direction == "maximize" else 1

    def measure(suggestion, _):
        return {
            "score": sign * sum((value - 1) ** 2 for value in suggestion.configuration.values())
        }

    with open_study("s", Space(params), [Objective("score", direction)], method=method) as study:
        run_trials(study, measure, trials)
        scores = [abs(trial.values["score"]) for trial in study.trials()]
        assert abs(study.best()[0].values["score"]) == min(scores)
    assert sum(scores[-8:]) < 0.5 * sum(scores[:8])


def test_a_study_that_ran_before_suggests_the_same_again_in_every_process_seeded_alike():
    names = [("s", 0), ("s", 0), ("other", 0), ("s", 1)]
    found = []
    for name, seed in names:
        with open_study(name, NESTED, ONE, method="random", seed=seed) as study:
            run_trials(study, lambda s, _: {"score": 0.0}, 5)
            found.append([trial.configuration for trial in study.trials()])
    assert found[0] == found[1] == found[2] != found[3]
    assert found[0][0] == found[3][0] == NESTED.defaults()


def test_a_grid_is_as_fine_as_it_is_asked_to_be():
    space = Space((FloatParam("x", 0.0, 1.0, default=0.25),))
    with open_study("s", space, ONE, method=grid(3), defaults_first=False) as study:
        run_trials(study, lambda s, _: {"score": 0.0}, 99)
        assert [trial.configuration["x"] for trial in study.trials()] == [0, 0.5, 1]
    with open_study("s", SMALL, ONE, method=grid(None)) as study:
        assert run_trials(study, lambda s, _: {"score": 0.0}, 99) == 12


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"method": "annealing"}, "optimiser 'annealing' is none of"),
        ({"pruner": "often"}, "pruner 'often' is none of"),
        ({"seed": -1}, r"seed .* got -1"),
        ({"seed": 1.0}, r"seed .* got 1.0"),
        ({"objectives": ()}, "objectives with different names"),
        ({"objectives": (*ONE, *ONE)}, "objectives with different names"),
        ({"objectives": TWO, "method": "cmaes"}, "'cmaes' follows one objective, got 2: use one"),
        ({"name": ""}, "1 to 512 letters"),
        ({"url": "http://localhost:5000"}, "set ORDINIS_CATALOGUE to the database behind it"),
        ({"url": "sqlite://"}, "URL of a tracking database"),
        ({"url": "mysql://u:secret@h/d"}, "begins with 'mysql'"),
        ({"url": "not a url"}, "URL of a tracking database"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, rule):
    with pytest.raises(InvalidConfig, match=rule) as refusal:
        open_study(**{"name": "s", "space": SMALL, "objectives": ONE, **arguments})
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("direction", ["up", None])
def test_an_objective_has_a_direction(direction):
    with pytest.raises(InvalidConfig, match="maximize or minimize"):
        Objective("score", direction)
    with pytest.raises(InvalidConfig, match="needs a name"):
        Objective("")


def test_a_pruner_stops_what_is_worse_than_the_others():
    with open_study("s", NESTED, ONE, pruner=optuna.pruners.MedianPruner(2)) as study:
        stopped = []

        def measure(suggestion, report):
            score = 1.0 if suggestion.number < 3 else -1.0
            for step in range(3):
                if report(step, score):
                    stopped.append((suggestion.number, step))
                    return Pruned()
            return {"score": score}

        run_trials(study, measure, 5)
        trials = study.trials()
    assert stopped == [(3, 0), (4, 0)]
    assert [trial.state for trial in trials] == ["complete"] * 3 + ["pruned"] * 2
    assert trials[3].values == {}
    assert trials[3].reports == {0: -1.0}
    assert trials[0].reports == {0: 1.0, 1: 1.0, 2: 1.0}


@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_pruner_answers(pruner):
    with open_study("s", NESTED, ONE, pruner=pruner) as study:

        def measure(suggestion, report):
            stop = [report(step, float(suggestion.number + step)) for step in range(4)]
            return Pruned() if any(stop) else {"score": 1.0}

        assert run_trials(study, measure, 4) == 4
