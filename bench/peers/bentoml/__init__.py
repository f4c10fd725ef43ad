"""BentoML with the graph."""
