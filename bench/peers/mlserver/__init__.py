"""MLServer with the graph."""
