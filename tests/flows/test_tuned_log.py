"""What a study has come to, while it is measured."""

from spaces import SMALL

from flows.tuned_log import Progress, best_values
from ordinis_mlflow.tuning import Failed, Objective, open_study, run_trials

TWO = (Objective("ic"), Objective("sharpe"))


def test_the_bar_shows_the_best_of_each_objective(capsys):
    with open_study("s", SMALL, TWO) as study, Progress(study, 3) as progress:
        progress.look()
        run_trials(study, lambda s, _: {"ic": 2.0 - s.number, "sharpe": s.number + 1.5}, 3)
        progress.look()
    said = capsys.readouterr().err
    assert "0/3" in said
    assert "3/3" in said
    assert "ic=2.0000, sharpe=3.5000" in said


def test_of_what_failed_there_is_no_best():
    with open_study("s", SMALL, TWO) as study:
        run_trials(study, lambda s, _: Failed("no"), 2)
        assert best_values(study) == {}
