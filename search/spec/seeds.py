"""Seeds of trials: pure functions of the study's seed and the trial's number."""

from __future__ import annotations


def trial_seed(study_seed: int, number: int) -> int:
    """Seed of a trial, 31 bits: the same whatever the order, the workers and the machine."""
    return _mix(study_seed, number, 0)


def replicate_seeds(seed: int, replicates: int) -> list[int]:
    """Seeds of a trial's replicates: its own, and others that follow from it."""
    return [seed, *(_mix(seed, replicate, 2) for replicate in range(1, replicates))]


def fresh_seed(study_seed: int, place: int) -> int:
    """Seed of a confirmation, which no trial and no replicate has."""
    return _mix(study_seed, place, 3)


def sampler_seed(study_seed: int, trials: int) -> int:
    """Seed of the sampler when a search starts with so many trials, so that a resumed search does not repeat itself."""
    return _mix(study_seed, trials, 1)


def _mix(*words: int) -> int:
    from numpy.random import SeedSequence

    return int(SeedSequence(words).generate_state(1)[0]) >> 1
