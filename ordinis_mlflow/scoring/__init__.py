"""How good a signal is: as a forecast (`forecast`) and as a trade (`trading`).

Pure functions on one-dimensional float64 arrays. A unit that the field's term does not imply is in
the name: nats, bps, per bar, annual, fraction.
"""
