"""Reads finished trials: the best, the Pareto front, confirmations and tables."""
