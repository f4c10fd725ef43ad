"""Servers side by side: what is started, what is sent, and the figures of ``bench.serve``."""
