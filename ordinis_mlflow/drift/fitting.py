"""Fitting: the drift reference of a model, with settings that follow from its data."""

from ordinis_mlflow.drift.decide import DriftReference
from ordinis_mlflow.drift.table import DriftTable

WINDOW = 60
"""Bars of a check."""
STRIDE = 5
MOST_WINDOWS = 1000
"""Of a reference: the fit takes rows × windows, and the limits' error is that of the few windows
that fit beside each other, not of how many overlap."""
EMBARGO_SHARE = 8


def fit_reference(table: DriftTable, lookback: int) -> DriftReference:
    """Learn what is normal from the rows that a model was fitted or chosen by.

    Windows are compared with rows that share no bar with them: the embargo is what a feature looks
    back, but at most an eighth of the rows at each side, so that five eighths are left even of the
    shortest reference, of 8 windows.

    Args:
        table: of those rows.
        lookback: bars that one row of features reads.

    Raises:
        InvalidDriftReference: fewer rows than 8 windows, or a value that is not finite.
    """
    rows = len(table)
    return DriftReference.fit(
        table.values,
        table.columns,
        window=WINDOW,
        stride=max(STRIDE, -(-rows // MOST_WINDOWS)),
        embargo=min(lookback - 1, rows // EMBARGO_SHARE),
    )
