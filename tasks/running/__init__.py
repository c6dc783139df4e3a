"""Runs a task on a network."""
