"""The loop of a search: asks for trials, runs their rungs, stores their results."""
