"""Samplers, which suggest the next trial."""

from search.samplers.make import make_sampler

__all__ = ["make_sampler"]
