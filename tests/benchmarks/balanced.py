"""The balanced network of ``stdp_network``, in numbers that every simulator is given.

Brunel (2000), "Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons", with delta
synapses as in NEST's example ``brunel_delta_nest.py``, scaled down to 4,000 neurons: leaky membranes, fixed in-degrees
(80 excitatory and 20 inhibitory inputs, 2.5 %), one delay, inhibition G times stronger than excitation. As many Poisson
inputs as there are neurons drive them, 10 each, worth one threshold on average (nu_ext = nu_thr). Synapses between
excitatory neurons have additive all-to-all pair STDP (Song, Miller & Abbott 2000). All neurons fire irregularly at
about 20 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

DT_MS = 0.1
EXCITATORY, INHIBITORY = 3200, 800
NEURONS = EXCITATORY + INHIBITORY
FROM_EXCITATORY, FROM_INHIBITORY, FROM_INPUTS = 80, 20, 10

TAU_M_MS, V_TH_MV, V_RESET_MV, REFRACTORY_MS, DELAY_MS = 20.0, 20.0, 10.0, 2.0, 1.5
INPUT_HZ, INPUT_MV = 100.0, 1.0
J_MV, G = 0.5, 5.0

TAU_STDP_MS = 20.0
A_PLUS_MV, A_MINUS_MV = 0.005 * J_MV, 0.00525 * J_MV
W_MAX_MV = 2 * J_MV


@dataclass(frozen=True)
class Span:
    """What is simulated, in ms: a warm-up, and then the stretch that is timed."""

    warm: float = 200.0
    timed: float = 1000.0


@dataclass(frozen=True)
class Measured:
    """Seconds of CPU per biological second, and the mean rate of all neurons in Hz."""

    seconds: float
    rate_hz: float
