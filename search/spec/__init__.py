"""The description of a search: script, settings, objectives, constraints, rungs."""
