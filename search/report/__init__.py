"""A study as figures and as one page."""
