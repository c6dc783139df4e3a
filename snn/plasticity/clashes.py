"""Names that a neuron and a rule both have: the neuron's parameters are renamed in the rule's synaptic code."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from snn.calculus.eligibility import Eligibility
from snn.equations import substitute
from snn.neurons import Neuron

OWN = (
    *("w", "g", "m", "s", "lr", "tau_out", "e_filtered", "e_sum", "gradient", "eligibility", "learning_signal"),
    *("beta_1", "beta_2", "epsilon", "weight_decay", "batch", "rate_strength", "rate_target", "learning_window"),
)
DERIVED = re.compile(r"(eps|next|flow|keep|jump|slope)_.*|arrived|let_in|e_before|.*_post")
"""Names that this rule's synaptic code, and that of an eligibility, have for themselves."""


def distinct(found: Eligibility, neuron: Neuron) -> tuple[Eligibility, dict[str, Any]]:
    """The neuron's parameters that an eligibility reads; those are renamed that have a name of the rule's own."""
    names = {
        name: f"{name}_of_neuron" if name in OWN or DERIVED.fullmatch(name) else name
        for name in sorted(found.parameters)
    }
    before, slope, after = (substitute(code, names) for code in (found.before, found.slope, found.after))
    traces = tuple(
        replace(
            trace,
            decay=substitute(trace.decay, names),
            inflow=substitute(trace.inflow, names),
            jump=substitute(trace.jump, names),
        )
        for trace in found.traces
    )
    parameters = {new: neuron.parameters[name] for name, new in names.items()}
    return replace(found, before=before, slope=slope, after=after, traces=traces), parameters
