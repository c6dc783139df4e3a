"""Limits of published chips, for comparisons of networks within them.

They are what the publications say of weights, traces and connections, without what a chip's neurons and rules are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from snn.chip.chip import Chip
from snn.errors import SNNError, nearest

LOIHI_CHIP = Chip(weight_bits=8, rounding="stochastic", trace_bits=7, fan_in=4096, energy="Loihi")
"""Intel's Loihi (Davies et al. 2018, IEEE Micro 38(1):82-99): weights of 1 to 9 bits, sign included, of which 8 are
taken here; spike traces of 7 bits, rounded stochastically; 4,096 input axons a core, which is the most that its neurons
can have. Weights are written in learning epochs of some steps, which ``write="step"`` does not model."""

ODIN_CHIP = Chip(weight_bits=3, rounding="nearest", fan_in=256, energy="ODIN")
"""ODIN (Frenkel et al. 2019, IEEE TBioCAS 13(1):145-158): 256 neurons in a crossbar of 64k synapses, so 256 onto each;
4 bits a synapse, of which 3 are the weight and one says whether it is plastic. Its own rule, SDSP, moves a weight by
one step."""

BRAINSCALES_2 = Chip(weight_bits=6, rounding="nearest", fan_in=256)
"""BrainScaleS-2 (Pehle et al. 2022, Front. Neurosci. 16:795876): 6-bit weights, 256 synapses onto each of 512 neuron
circuits. Its analogue circuits vary, which ``variability`` can model and this does not; there is no energy table of it
here, so that of Loihi stands in."""

PROFILES: Mapping[str, Chip] = {"Loihi": LOIHI_CHIP, "ODIN": ODIN_CHIP, "BrainScaleS-2": BRAINSCALES_2}


def profile(name: str, **changes: Any) -> Chip:
    """A published chip's limits.

    Parameters
    ----------
    name : {"Loihi", "ODIN", "BrainScaleS-2"}
    changes
        Fields of `Chip` to be changed, such as ``w_range``, which is in the network's units.

    Raises
    ------
    SNNError
        For an unknown name or field.

    Examples
    --------
    >>> from snn.chip import profile
    >>> profile("Loihi", w_range=(-1, 127/128)).weight_bits
    8
    """
    if name not in PROFILES:
        raise SNNError(f"There is no chip {name!r}; {nearest(name, PROFILES)}.")
    known = [field.name for field in dataclasses.fields(Chip)]
    for field in changes:
        if field not in known:
            raise SNNError(f"A chip has no {field!r}; {nearest(field, known)}.")
    return dataclasses.replace(PROFILES[name], **changes)
