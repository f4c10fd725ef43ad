"""Load on an HTTP server: closed loop (wrk), open loop (scheduled times), one connection.

A closed loop sends the next request when the last is answered: right for throughput, blind for
stalls, during which it sends nothing. An open loop sends when a schedule says so and counts latency
from there, so that a stall is paid by every request that was due in it (no coordinated omission).
"""
