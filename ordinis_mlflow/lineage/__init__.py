"""Lineage: from a model version back to bars, and from a snapshot to every model made of it.

Nothing is imported here: MLflow loads ``snapshot`` while it is being imported itself, and ``trace``
needs all of MLflow.
"""
