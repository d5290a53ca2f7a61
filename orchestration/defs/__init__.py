"""The parts of the graph, from raw tables on the left to channels on the right."""
