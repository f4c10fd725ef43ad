"""Pairing: champion and challenger come and go by themselves, and answer together if they fit."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from ordinis_mlflow.flavor.model import SPACING
from ordinis_mlflow.serving.arms import Arms, Served
from ordinis_mlflow.telemetry import ServingMetrics

_logger = logging.getLogger(__name__)
CHAMPION = "champion"


class Pairing:
    """Who serves. Used from the event loop's thread alone.

    A challenger that does not fit the champion waits for one that it fits; meanwhile all is as if
    there were none.

    Args:
        told: are told who answers, whenever that changes.
        metrics: are told whether the challenger serves.
    """

    def __init__(self, told: Sequence[Callable[[Arms], None]], metrics: ServingMetrics) -> None:
        self._told, self._metrics = told, metrics
        self._champion: Served | None = None
        self._challenger: Served | None = None

    def put(self, served: Served) -> None:
        """Let a version serve its arm from the next request on."""
        if served.arm == CHAMPION:
            self._champion = served
        else:
            self._challenger = served
        self._pair()

    def drops(self, arm: str) -> Callable[[], None] | None:
        """What lets nobody serve an arm any more; None for the champion's, which is never empty."""
        return None if arm == CHAMPION else partial(self._drop, arm)

    def _drop(self, arm: str) -> None:
        self._challenger = None
        self._metrics.retired(arm)
        self._pair()

    def _pair(self) -> None:
        """Tell everybody; the champion is there first."""
        champion, challenger = self._champion, self._challenger
        assert champion is not None
        reason = challenger and misfit(champion, challenger)
        if challenger and reason:
            self._metrics.reload_failed(challenger.arm, "misfit")
            self._metrics.retired(challenger.arm)
            _logger.error(
                "%s cannot be the %s of %s: %s",
                challenger.label,
                challenger.arm,
                champion.label,
                reason,
            )
            challenger = None
        for each in self._told:
            each(Arms(champion, challenger))
        if challenger:
            announce(challenger, self._metrics)


def announce(served: Served, metrics: ServingMetrics) -> None:
    """Tell the metrics what an arm serves."""
    # Packages from before it was kept do not say what they were fitted to.
    last = served.model.contract.fitted_last
    fitted_last = pd.Timestamp(last) if last else None
    metrics.serving(served.arm, served.name, served.version, fitted_last, served.loaded_at)


def misfit(champion: Served, challenger: Served) -> str | None:
    """Why a challenger cannot be asked what the champion is asked; None if it can.

    It may read fewer bars than the champion, but not more: requests bring no more. A client is not
    told the horizon with each answer, nor how far apart a window's bars are.
    """
    ours, theirs = champion.model.contract, challenger.model.contract
    if theirs.lookback > ours.lookback:
        return f"it reads {theirs.lookback} bars, requests bring {ours.lookback}"
    if theirs.horizon != ours.horizon:
        return f"it forecasts {theirs.horizon} bars ahead, the champion {ours.horizon}"
    if not ours.bar_spacing / SPACING <= theirs.bar_spacing <= ours.bar_spacing * SPACING:
        return f"its bars are {theirs.bar_spacing} apart, the champion's {ours.bar_spacing}"
    return None
