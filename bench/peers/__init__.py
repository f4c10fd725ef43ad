"""Other model servers with the same graph, each in an environment of its own.

A folder a peer: ``requirements.txt`` with exact versions and ``service.py``, the service as a user
of that server would write it. All open the graph through :mod:`bench.peers.graph`, so that runtime
and options are equal, and run one worker. Their adaptive batching is off, because it was measured
to make each of them slower here (docs/log.md); ``contender(batch=...)`` turns it on.
"""
