"""LitServe with the graph."""
