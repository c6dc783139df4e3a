"""The plan of a network's simulation, as data."""
