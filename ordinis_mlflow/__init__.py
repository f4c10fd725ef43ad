"""MLOps for trading-signal models on MLflow: one function from raw price bars to a signal."""

__version__ = "0.1.0"
