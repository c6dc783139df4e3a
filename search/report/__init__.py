"""A study as figures and as one page: a figure a file, drawn from `Facts`."""
