"""How good a signal is: as a forecast, as a trade, and how sure one can be of either.

- As a forecast: `forecast` (a distribution, row by row), `calibration`, `skill` (correlation).
- As a trade: `trading` (positions to returns), `performance` (of returns), `sharpe`.
- How sure: standard errors in `skill` and `sharpe`, `bootstrap`, `monte_carlo`, `comparison` of
  several forecasters, `overfit` after many trials.

Pure functions on one-dimensional float64 arrays. A unit that the field's term does not imply is in
the name: nats, bps, per bar, annual, fraction.
"""
