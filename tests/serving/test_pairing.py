"""Pairing: champion and challenger come and go, and answer together only if they fit."""

from two_arms import LOOKBACK, Oracle, counts, served

from ordinis_mlflow.serving.pairing import Pairing, misfit
from ordinis_mlflow.telemetry import ServingMetrics

CHAMPION, CHALLENGER = 1.0, 2.0


class Seats:
    """A pairing, and whom it has let in."""

    def __init__(self):
        self.metrics, self.arms = ServingMetrics(), []
        self.pairing = Pairing([self.arms.append], self.metrics)

    @property
    def now(self):
        champion, challenger = self.arms[-1].champion, self.arms[-1].challenger
        return champion.version, challenger and challenger.version

    @property
    def failures(self):
        return counts(self.metrics, "ordinis_reload_failures_total")

    @property
    def shown(self):
        """Arms that a scrape shows."""
        return {arm for arm, _, _ in counts(self.metrics, "ordinis_model_info")}


def test_a_challenger_that_does_not_fit_is_not_let_in_and_waits_for_a_champion_that_it_fits():
    seats, long = Seats(), Oracle(CHALLENGER, lookback=LOOKBACK + 1)
    seats.pairing.put(served("champion", Oracle(CHAMPION), "1"))
    seats.pairing.put(served("challenger", long, "2"))
    assert seats.now == ("1", None)
    assert seats.failures == {("challenger", "misfit"): 1}
    assert "challenger" not in seats.shown
    seats.pairing.put(served("champion", long, "3"))
    assert seats.now == ("3", "2")
    assert "challenger" in seats.shown
    seats.pairing.put(served("champion", Oracle(CHAMPION), "1"))
    assert seats.now == ("1", None)
    assert "challenger" not in seats.shown


def test_a_challenger_comes_and_goes_and_a_champion_stays():
    seats = Seats()
    seats.pairing.put(served("champion", Oracle(CHAMPION), "1"))
    seats.pairing.put(served("challenger", Oracle(CHALLENGER), "2"))
    assert seats.now == ("1", "2")
    seats.pairing.put(served("champion", Oracle(CHAMPION), "3"))
    assert seats.now == ("3", "2")
    assert seats.pairing.drops("champion") is None
    seats.pairing.drops("challenger")()
    assert seats.now == ("3", None)
    assert seats.shown == set()
    assert not seats.failures


def test_who_fits_the_champion():
    champion = served("champion", Oracle(CHAMPION))
    assert misfit(champion, served("challenger", Oracle(CHALLENGER, lookback=2))) is None
    assert misfit(champion, served("challenger", Oracle(CHALLENGER, spacing="30h"))) is None
    for more, word in (
        ({"lookback": LOOKBACK + 1}, "reads 5 bars"),
        ({"horizon": 5}, "5 bars ahead"),
        ({"spacing": "5min"}, "apart"),
    ):
        assert word in misfit(champion, served("challenger", Oracle(CHALLENGER, **more)))
