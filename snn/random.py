r"""Random numbers as a pure function of (seed, stream, step, element).

.. math:: u = 2^{-53} \lfloor h / 2^{11} \rfloor, \qquad
          h = m(m(m(m(\text{seed}) + \text{stream}) + \text{step}) + \text{element})

in 64-bit arithmetic, with m the finaliser of SplitMix64 (Steele, Lea & Flood 2014) after the addition of its odd
constant. A simulation may be split, padded, or run elsewhere: no draw depends on another. The same function stands
here for NumPy, in ``snn/backends/brian/functions.py`` for Cython, and in
``snn/backends/standalone/engine/functions.h`` for C++.
"""

from __future__ import annotations

from typing import Any

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB
MASK = 0xFFFFFFFFFFFFFFFF
NORMAL_OFFSET = 1 << 40  # a normal number takes its second uniform from a stream of its own


def _mix_int(x: int) -> int:
    x = (x + GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * FIRST) & MASK
    x = ((x ^ (x >> 27)) * SECOND) & MASK
    return x ^ (x >> 31)


def _mix_array(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(GOLDEN)  # arrays of uint64 wrap silently, as intended
    x = (x ^ (x >> np.uint64(30))) * np.uint64(FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(SECOND)
    return x ^ (x >> np.uint64(31))


def uniform(seed: Any, stream: Any, step: Any, element: Any) -> np.ndarray:
    """Numbers uniform in [0, 1) for an array of elements; stream and step are single integers, and seed may be."""
    h: Any = 0
    for part in (np.asarray(part).reshape(-1) for part in (seed, stream, step)):
        if isinstance(h, int) and part.size == 1:
            h = _mix_int((h + int(part[0])) & MASK)
        else:  # each element has a seed of its own
            h = _mix_array(np.uint64(h) + part.astype(np.uint64))
    elements = np.asarray(element).astype(np.uint64)
    return (_mix_array(np.atleast_1d(elements) + np.uint64(h)) >> np.uint64(11)) * 2.0**-53


def normal(seed: Any, stream: Any, step: Any, element: Any) -> np.ndarray:
    """Standard normal numbers (Box-Muller) for an array of elements."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(seed, stream, step, element)))
    angle = 2 * np.pi * uniform(seed, int(np.asarray(stream).reshape(-1)[0]) + NORMAL_OFFSET, step, element)
    return radius * np.cos(angle)


ORDER, WEIGHTS, FEEDBACK, DEVICES, PRUNING = 1, 2, 3, 4, 5


def generator(seed: int, purpose: int, index: int = 0) -> np.random.Generator:
    """NumPy's generator for one purpose of a run: the stream's order, a projection's synapses, feedback or devices, ...

    No key ends in a zero, which NumPy's SeedSequence would not tell from a shorter one.
    """
    return np.random.default_rng([seed, purpose, index + 1])
