r"""Eligibility traces of any neuron, derived from its own equations.

One step of neuron j maps its state s and what arrives at it to a new state (`snn.plasticity.eprop.spiking_map`). For a
synapse from i, :math:`\epsilon_{s,ji} = ds_j/dw_{ji}` then obeys, sparse and forward in time (Bellec et al. 2020, eq.
14),

.. math::
   \epsilon_s[t] = \sum_r \frac{\partial s'}{\partial r} \epsilon_r[t-1] + \frac{\partial s'}{\partial I} pre_i[t],
   \qquad e[t] = \psi[t] \sum_s \frac{\partial u}{\partial s} \epsilon_s[t]

with the threshold expression u and the pseudo-derivative :math:`\psi` of the spike with respect to it.

**Jumps.** The jump of the membrane, the variable that stands alone on the threshold's left side, is a constant at a
reset: :math:`d(\text{reset})/dv = 1` for soft and hard resets alike. The jumps of all other variables carry
:math:`\psi`, also of those that only move the threshold: r becomes :math:`r + z (R(s) - r)` with
:math:`dz = \psi\, du`. With ``through_reset`` the membrane's jump is differentiated too, :math:`1 - v_{th}\psi` for a
soft reset, :math:`(1-z) + (v_{reset} - v)\psi` for a hard one. In refractory steps :math:`\psi = 0`.

**What is kept where** follows from dependency alone (`snn.plasticity.eprop.sensitivity`). Entries that are 0 vanish. A
component into which nothing postsynaptic enters is the same for all synapses of a presynaptic neuron and kept once
there. The rest is synaptic.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from snn.plasticity.terms import NeuronVariable, Trace


@dataclass(frozen=True)
class Eligibility:
    """The parts of an eligibility, by the place that keeps them, with the code that advances them.

    Attributes
    ----------
    traces : tuple of Trace
        Components kept once a presynaptic neuron, and what else synaptic code reads there.
    coefficients : tuple of NeuronVariable
        Factors kept once a postsynaptic neuron.
    variables : tuple of str
        What is kept once a synapse: components ``eps_NAME``, and ``e_before`` where a reset needs it.
    before, after : str
        Statements that advance those, ahead of the eligibility and once it is known (as ``eligibility``).
    slope : str
        :math:`du/dw`; times the pseudo-derivative it is the eligibility e. Empty if it is 0.
    distance : str
        The threshold expression u of the postsynaptic neuron.
    parameters : frozenset of str
        The neuron's parameters that traces and statements read.
    formulas : tuple of (str, sympy.Expr)
        The mathematics: what stands left, and what right, of an equals sign.
    notes : tuple of str
        What is kept where, and why.
    """

    traces: tuple[Trace, ...]
    coefficients: tuple[NeuronVariable, ...]
    variables: tuple[str, ...]
    before: str
    slope: str
    after: str
    distance: str
    parameters: frozenset[str]
    formulas: tuple[tuple[str, sympy.Expr], ...]
    notes: tuple[str, ...]
