"""Service: from what is asked to what is answered, whichever protocol asks."""

from collections.abc import Callable
from typing import TypeAlias

from ordinis_mlflow.errors import RequestRefused, ServingError
from ordinis_mlflow.flavor.model import check_finite
from ordinis_mlflow.serving.arms import Arms, Asked, Part, Scored
from ordinis_mlflow.serving.asking import ask
from ordinis_mlflow.serving.dividing import Division
from ordinis_mlflow.serving.http import Request
from ordinis_mlflow.serving.settings import Limits

Watcher: TypeAlias = Callable[[Scored], None]
"""Is told of each answer before it is sent; must neither wait nor raise."""


class Service:
    """The versions in service, and who is told of their answers.

    Args:
        limits: of one request.
        watchers: metrics, prediction log, shadow.
        division: of rows between the arms; None if the champion answers all.
    """

    def __init__(
        self,
        limits: Limits,
        watchers: tuple[Watcher, ...] = (),
        division: Division | None = None,
    ) -> None:
        self.limits, self.watchers, self._division = limits, watchers, division
        self._arms: Arms | None = None

    @property
    def arms(self) -> Arms:
        """Who answers now. A request keeps to those that it began with.

        Raises:
            ServingError: no model is loaded yet.
        """
        if self._arms is None:
            raise ServingError("no model is loaded yet: try again later")
        return self._arms

    def replace(self, arms: Arms) -> None:
        """Let others answer from the next request on; what is under way is finished by the old."""
        self._arms = arms

    async def score(self, request: Request, asked: Asked, arms: Arms) -> Scored:
        """Answer a request.

        Raises:
            RequestRefused: it asks for more windows than one request may.
            InvalidWindows: the model has no finite answer.
            QueueFull: too many windows wait.
            DeadlinePassed: its time was over.
        """
        if len(asked.windows) > self.limits.windows:
            raise RequestRefused(
                413,
                "too_many_windows",
                f"a request may ask for {self.limits.windows} windows, this one asks for "
                f"{len(asked.windows)}: send several requests",
            )
        if self._division is None:
            champion = await ask(arms.champion, None, asked, request.deadline)
            parts: tuple[Part, ...] = (champion,)
        else:
            parts = await self._division.parts(request, asked, arms)
        scored = Scored.of(request.id, parts)
        check_finite(scored.signal)
        for watcher in self.watchers:
            watcher(scored)
        return scored
