"""The choice of synapses on a chip that limits the fan-in of a neuron."""

from __future__ import annotations

import numpy as np

from snn.errors import NetworkError
from snn.network.checks.chip import synapses_onto
from snn.network.spec import NetworkSpec
from snn.random import PRUNING, WEIGHTS, generator


def kept_synapses(spec: NetworkSpec, seed: int) -> dict[str, np.ndarray]:
    """For the projections onto each target that receives more than the chip allows, which synapses are kept.

    They are drawn at random, each as likely as any other onto the same neuron, from the order in which the projections
    are listed; the connections are those that the run draws.

    Raises
    ------
    NetworkError
        If there are too many and the chip is to refuse them, naming all neurons and projections.
    """
    chip = spec.chip
    if chip is None or chip.fan_in is None:
        return {}
    sizes = spec.sizes()
    masks: dict[str, np.ndarray] = {}
    over = []
    for number, target in enumerate(sizes):
        onto = [(index, p) for index, p in enumerate(spec.projections) if p.target == target]
        if sum(synapses_onto(p, sizes, most=True) for _, p in onto) <= chip.fan_in:
            continue
        posts = [
            p.connection.pairs(generator(seed, WEIGHTS, index), sizes[p.source], sizes[target], p.source == target)[1]
            for index, p in onto
        ]
        post = np.concatenate([np.empty(0, np.int32), *posts])
        counts = np.bincount(post, minlength=sizes[target])
        if counts.max(initial=0) <= chip.fan_in:
            continue
        if chip.over_fan_in == "refuse":
            over.append(_refusal(chip.fan_in, target, counts, [p.name for _, p in onto]))
            continue
        kept = _chosen(post, counts, int(chip.fan_in), generator(seed, PRUNING, number))
        ends = np.cumsum([len(part) for part in posts])[:-1]
        masks |= {p.name: mask for (_, p), mask in zip(onto, np.split(kept, ends), strict=True)}
    if over:
        raise NetworkError(over)
    return masks


def _chosen(post: np.ndarray, counts: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """So many of the synapses onto each neuron."""
    order = np.lexsort((rng.random(len(post)), post))
    rank = np.empty(len(post), np.int64)
    rank[order] = np.arange(len(post)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank < limit


def _refusal(limit: int, target: str, counts: np.ndarray, projections: list[str]) -> str:
    over = np.flatnonzero(counts > limit)
    return (
        f"At most {limit} synapses onto a neuron fit the chip, but {len(over)} of {target!r} receive more, up to "
        f"{counts.max()}, from {', '.join(map(repr, projections))}; connect fewer, or give over_fan_in='prune'."
    )
