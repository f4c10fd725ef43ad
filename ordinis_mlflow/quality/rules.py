"""QualityRules: what makes bars suspicious."""

import math
from dataclasses import dataclass

from ordinis_mlflow.errors import InvalidConfig

NO_CALENDAR = "none"


@dataclass(frozen=True)
class QualityRules:
    """Limits of the checks.

    Attributes:
        calendar: of the exchange, by its name in exchange_calendars (mostly the MIC, such as XNYS);
            ``none`` if sessions are not to be checked.
        max_missing: share of a symbol's sessions that may lack a bar.
        stale_bars: so many bars in a row without any change of price are stale.
        jump_sigmas: a return beyond so many times the current volatility is a jump.
        jump_reversal: a jump of which the next bar takes back at least this share is a bad tick.
        split_tolerance: how close, in log price, a lasting jump must come to a split's ratio.

    Raises:
        InvalidConfig: a limit is outside its range.
    """

    calendar: str = NO_CALENDAR
    max_missing: float = 0.01
    stale_bars: int = 5
    jump_sigmas: float = 10.0
    jump_reversal: float = 0.7
    split_tolerance: float = 0.03

    def __post_init__(self) -> None:
        if self.stale_bars < 2:
            raise InvalidConfig(f"stale_bars must be at least 2, got {self.stale_bars}")
        if not 3.0 <= self.jump_sigmas < math.inf:
            raise InvalidConfig(f"jump_sigmas must be at least 3, got {self.jump_sigmas}")
        for name, top in (("max_missing", 1.0), ("jump_reversal", 1.0), ("split_tolerance", 0.1)):
            value = getattr(self, name)
            if not 0.0 <= value <= top:
                raise InvalidConfig(f"{name} must be between 0 and {top}, got {value}")
