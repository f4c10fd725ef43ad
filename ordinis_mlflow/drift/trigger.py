"""The trigger: two alarms that share no data, and are yet of one episode."""

from collections.abc import Sequence


def triggers(alarms: Sequence[int], *, gap: int = 21, within: int = 63) -> tuple[int, ...]:
    """The alarms that confirm an earlier one.

    Checks a few bars apart see nearly the same window, so that the second alarm says nothing new;
    one a month later does.

    Args:
        alarms: bar numbers of the checks that alarmed, ascending.
        gap: fewest bars from the earlier alarm to the one that confirms it.
        within: most bars between the two.

    Returns:
        Each alarm with another one ``gap`` to ``within`` bars before it.

    Example:
        >>> triggers([5, 10, 40, 200, 210])
        (40,)
    """
    return tuple(now for now in alarms if any(gap <= now - then <= within for then in alarms))
