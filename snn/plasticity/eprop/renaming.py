"""The renaming of a neuron's parameters whose names a rule has too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from snn.equations.parse import substitute
from snn.neurons import Neuron
from snn.plasticity.eprop.derivation import derive
from snn.plasticity.eprop.eligibility import Eligibility
from snn.plasticity.eprop.spiking_map import NeuronText

OWN = (
    *("w", "g", "m", "s", "lr", "tau_out", "e_filtered", "e_sum", "gradient", "eligibility", "learning_signal"),
    *("beta_1", "beta_2", "epsilon", "weight_decay", "batch", "rate_strength", "rate_target", "learning_window"),
)
DERIVED = re.compile(r"(eps|next|flow|keep|jump|slope)_.*|arrived|let_in|e_before|.*_post")
"""Names reserved by generated synapse code."""


def derived(neuron: Neuron, membrane: str | None, through_reset: bool) -> tuple[Eligibility, dict[str, Any]]:
    """A neuron's eligibility, and those of its parameters that synaptic code reads, by their names there.

    Parameters that have a name of the rule's own are renamed ahead of the derivation. What is computed at the neuron
    itself gets their true names back.
    """
    renamed = {name: f"{name}_of_neuron" for name in neuron.parameters if name in OWN or DERIVED.fullmatch(name)}
    found = derive(texts_of(neuron, renamed), membrane, through_reset)
    true = {new: name for name, new in renamed.items()}
    parameters = {name: neuron.parameters[true.get(name, name)] for name in sorted(found.parameters)}
    coefficients = tuple(replace(c, expression=substitute(c.expression, true)) for c in found.coefficients)
    return replace(found, coefficients=coefficients, distance=substitute(found.distance, true)), parameters


def texts_of(neuron: Neuron, renamed: Mapping[str, str]) -> NeuronText:
    """Return the texts of a neuron that a derivation reads, with some parameters renamed."""
    return NeuronText(
        model=substitute(neuron.model, renamed),
        threshold=substitute(neuron.threshold or "", renamed),
        reset=substitute(neuron.reset, renamed),
        input=neuron.input,
        method=neuron.method,
        parameters=frozenset(renamed.get(name, name) for name in neuron.parameters),
        refractory=neuron.refractory is not None,
    )
