"""Lowers neurons, inputs, readouts and the environment to groups."""
