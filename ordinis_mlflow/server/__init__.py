"""The tracking server's own parts: artifact guard and ledger pages, inside MLflow's app.

``app.plain_app`` and ``app.basic_auth_app`` are the ways in. Nothing is imported here: MLflow's
server is heavy, and whoever asks for a route's meaning need not start it.
"""
