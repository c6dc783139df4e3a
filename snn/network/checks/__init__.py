"""Checks a network before anything is compiled."""
