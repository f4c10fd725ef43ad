"""Studies beside MLflow's tables, in both kinds of database."""

import warnings

import pytest
import sqlalchemy as sa
from contracts.optimiser_suite import ONE, TWO, worth
from spaces import NESTED, SMALL

from ordinis_mlflow.errors import ObjectiveNotFinite, StudyDiffers, StudyError, TrialLost
from ordinis_mlflow.params import BoolParam, Space
from ordinis_mlflow.tuning import Failed, Objective, Pulse, open_study, run_trials
from ordinis_mlflow.tuning.database import study_url
from ordinis_mlflow.tuning.quiet import quietly


def measure(suggestion, report):
    report(0, worth(suggestion.configuration))
    return {"score": worth(suggestion.configuration)}


def kept(study):
    return [
        (t.number, t.configuration, t.state, t.values, t.reports, t.reason) for t in study.trials()
    ]


def tables(url, schema=None):
    engine = sa.create_engine(url)
    found = set(sa.inspect(engine).get_table_names(schema))
    engine.dispose()
    return found


def mlflows_revision(url):
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars()
        revision = found.all()
    engine.dispose()
    assert len(revision) == 1
    return revision


def make_mlflows_tables(url):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of its own type hints and tables
        from mlflow.store.db import utils

        engine = utils.create_sqlalchemy_engine(url)
        utils._initialize_tables(engine)
        utils._verify_schema(engine)
    engine.dispose()


def test_a_study_goes_on_as_if_it_had_never_stopped(database):
    with open_study("whole", NESTED, ONE, url=database, seed=3) as study:
        assert run_trials(study, measure, 14) == 14
        whole = kept(study)
    for count in (3, 4, 4, 12, 14):
        with open_study("parts", NESTED, ONE, url=database, seed=3) as study:
            run_trials(study, measure, count)
            assert len(study.trials()) == count
            parts = kept(study)
    assert parts == whole


def test_optuna_and_mlflow_share_a_database_and_know_nothing_of_each_other(database):
    """Each keeps its schema's revision in a table alembic_version and refuses the other's."""
    with open_study("before", SMALL, ONE, url=database) as study:  # whoever comes first
        run_trials(study, lambda s, _: {"score": 1.0}, 2)
    make_mlflows_tables(database)
    revision = mlflows_revision(database)
    with open_study("before", SMALL, ONE, url=database) as study:
        assert len(study.trials()) == 2
        run_trials(study, lambda s, _: {"score": 1.0}, 4)
    mlflows = tables(database)
    assert {"runs", "alembic_version"} <= mlflows
    assert not {"studies", "trials"} & mlflows
    url = study_url(database)
    assert {"studies", "trials", "alembic_version"} <= tables(
        url, "optuna" if url.get_backend_name() == "postgresql" else None
    )
    assert mlflows_revision(database) == revision


def test_urls():
    assert str(study_url("sqlite:////data/mlflow.db")) == "sqlite:////data/mlflow.optuna.db"
    assert str(study_url("sqlite:///mlruns")) == "sqlite:///mlruns.optuna"
    url = study_url("postgresql+psycopg://u:p@h/d?options=-cstatement_timeout=5s")
    assert url.query["options"] == "-cstatement_timeout=5s -csearch_path=optuna"
    assert (url.password, url.database) == ("p", "d")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            {"objectives": TWO},
            r"has the objectives \[\('score', 'maximize'\)\], asked for were .*p99",
        ),
        ({"objectives": [Objective("sharpe")]}, "score.* asked for .*sharpe"),
        ({"objectives": [Objective("score", "minimize")]}, "maximize.* asked for .*minimize"),
        (
            {"space": Space((*SMALL.params, BoolParam("fast", default=True)), SMALL.conditions)},
            f"has the space {SMALL.fingerprint()[:12]}, asked for was .* fast: BoolParam",
        ),
        ({"space": Space(SMALL.params)}, "momentum only if optimizer .* only there"),
    ],
)
def test_another_study_of_the_same_name_is_refused_and_nothing_lost(tmp_path, change, rule):
    same = {"name": "s", "space": SMALL, "objectives": ONE, "url": f"sqlite:///{tmp_path}/m.db"}
    with open_study(**same) as study:
        run_trials(study, lambda s, _: {"score": 1.0}, 3)
        before = kept(study)
    with pytest.raises(StudyDiffers, match=rule):
        open_study(**{**same, **change})
    with open_study(**same) as study:
        assert kept(study) == before


def test_a_study_that_somebody_else_made_is_refused(tmp_path):
    import optuna

    url = f"sqlite:///{tmp_path}/m.db"
    with open_study("s", SMALL, ONE, url=url):
        pass
    theirs = optuna.create_study(
        study_name="theirs", storage=str(study_url(url)), direction="maximize"
    )
    theirs.optimize(lambda trial: 1.0, 1)
    with pytest.raises(StudyDiffers, match="was not made here"):
        open_study("theirs", SMALL, ONE, url=url)
    theirs._storage._backend.engine.dispose()


def test_an_objective_that_is_no_number_ends_the_loop_and_loses_nothing(tmp_path):
    url = f"sqlite:///{tmp_path}/m.db"
    scores = iter([1.0, 2.0, float("nan"), 3.0])
    with (
        open_study("s", NESTED, ONE, url=url) as study,
        pytest.raises(ObjectiveNotFinite, match=r"trial 2 of study 's': score is nan; .* failed"),
    ):
        run_trials(study, lambda s, _: {"score": next(scores)}, 4)
    with open_study("s", NESTED, ONE, url=url) as study:
        assert [trial.state for trial in study.trials()] == ["complete", "complete", "failed"]
        assert [trial.reason for trial in study.trials()] == ["", "", "score is nan"]
        assert run_trials(study, lambda s, _: {"score": next(scores)}, 4) == 1
        assert [trial.values for trial in study.best()] == [{"score": 3.0}]


def test_ctrl_c_keeps_what_is_done_and_leaves_the_rest_to_who_resumes(database):
    seen = []

    def interrupted(suggestion, report):
        seen.append(suggestion.configuration)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return measure(suggestion, report)

    with open_study("s", NESTED, ONE, url=database) as study, pytest.raises(KeyboardInterrupt):
        run_trials(study, interrupted, 5)
    with open_study("s", NESTED, ONE, url=database) as study:
        states = [(trial.state, trial.reason) for trial in study.trials()]
        assert states == [("complete", "")] * 2 + [("failed", "interrupted"), ("waiting", "")]
        assert run_trials(study, measure, 5) == 3
        trials = study.trials()
        assert trials[3].configuration == trials[2].configuration == seen[2]
        assert (trials[3].state, trials[3].retry_of) == ("complete", 2)
        assert len({trial.configuration for trial in trials}) == 5


def test_what_is_open_when_a_study_is_closed_is_suggested_first_next_time(tmp_path):
    url = f"sqlite:///{tmp_path}/m.db"
    with open_study("s", NESTED, ONE, url=url) as study:
        open_ones = [study.suggest(), study.suggest()]
    with open_study("s", NESTED, ONE, url=url) as study:
        again = [study.suggest(), study.suggest()]
        assert [each.configuration for each in again] == [each.configuration for each in open_ones]
        assert [each.retry_of for each in again] == [each.number for each in open_ones]


def test_errors_that_are_caught_fail_their_trial_only(tmp_path):
    def fails_at_two(suggestion, report):
        if suggestion.number == 2:
            raise MemoryError("no room")
        return Failed("too slow") if suggestion.number == 3 else {"score": 1.0}

    with open_study("s", NESTED, ONE, url=f"sqlite:///{tmp_path}/m.db") as study:
        with pytest.raises(MemoryError):
            run_trials(study, fails_at_two, 3)
        assert study.trials()[2].reason == "MemoryError: no room"
        assert run_trials(study, fails_at_two, 5, catch=(MemoryError,)) == 2
        assert study.trials()[3].reason == "too slow"


def test_a_worker_that_was_taken_for_dead_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/m.db"
    with open_study("s", NESTED, ONE, url=url) as study:
        suggestion = study.suggest()
        other = open_study("s", NESTED, ONE, url=url)
        other.optuna.tell(suggestion.number, state=_fail())  # as if it were silent for too long
        with pytest.raises(TrialLost, match="took it for dead"):
            study.observe(suggestion, {"score": 1.0})
        suggestion = study.suggest()
        other.optuna.tell(suggestion.number, state=_fail())
        with pytest.raises(TrialLost, match="took it for dead"):
            study.report(suggestion, 0, 1.0)
        other.close()


def _fail():
    from optuna.trial import TrialState

    return TrialState.FAIL


def test_a_database_that_cannot_be_used_is_told_without_its_password(tmp_path):
    with pytest.raises(StudyError, match="database of studies cannot be used"):
        open_study("s", SMALL, ONE, url=f"sqlite:///{tmp_path}/missing/m.db")
    (tmp_path / "m.optuna.db").write_text("this is no database, but long enough to be read as one")
    with pytest.raises(StudyError, match="not a database"):
        open_study("s", SMALL, ONE, url=f"sqlite:///{tmp_path}/m.db")
    url = f"postgresql+psycopg://u:hunter2@/d?host={tmp_path}"
    with pytest.raises(StudyError, match="cannot be used") as refusal:
        open_study("s", SMALL, ONE, url=url)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("values", [(0, 10), (10, 10), (10, 5)])
def test_a_pulse_is_slower_than_death(values):
    with pytest.raises(ValueError, match="heartbeat"):
        Pulse(*values)


@pytest.mark.parametrize(
    "arguments", [{"trials": 0}, {"trials": 1.5}, {"trials": 1, "timeout_s": 0}]
)
def test_a_loop_needs_something_to_do(arguments):
    with open_study("s", SMALL, ONE) as study, pytest.raises(ValueError, match="positive"):
        run_trials(study, measure, **arguments)


def test_time_that_is_up_ends_the_loop(monkeypatch):
    from ordinis_mlflow.tuning import loop

    now = iter([0.0, 1.0, 2.0, 3.0])
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(now))
    with open_study("s", NESTED, ONE) as study:
        assert run_trials(study, lambda s, _: {"score": 1.0}, 99, timeout_s=2.5) == 2


def test_the_front_of_several_objectives():
    with open_study("s", SMALL, TWO, method="grid") as study:
        run_trials(
            study,
            lambda s, _: {
                "sharpe": float(s.configuration["threads"]),
                "p99_ms": 10.0 * s.configuration["threads"] + s.configuration.get("momentum", 0.5),
            },
            12,
        )
        front = [(trial.values["sharpe"], trial.values["p99_ms"]) for trial in study.best()]
    assert sorted(front) == [(0.0, 0.0), (1.0, 10.0), (2.0, 20.0)]


def test_a_worker_that_died_while_it_chose_leaves_its_place(database):
    """Whoever holds the turn knows that a trial without a configuration has nobody."""
    with open_study("s", SMALL, ONE, url=database) as study:
        with quietly():
            study.optuna.ask().suggest_int("threads", 1, 2)  # the defaults, half drawn
        again = study.suggest()
        assert again.configuration == SMALL.defaults()
        study.observe(again, {"score": 1.0})
        run_trials(study, lambda s, _: {"score": 1.0}, 99)
        assert len({trial.configuration for trial in study.trials()}) == len(study.trials()) == 12
