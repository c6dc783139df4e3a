"""Plasticity rules, one a file. A rule is data: see `snn.plasticity.rule`."""

from snn.plasticity.eprop import EProp
from snn.plasticity.optimizer import Adam, GradientDescent, Optimizer
from snn.plasticity.reward import RewardSTDP
from snn.plasticity.rule import Rule
from snn.plasticity.static import Static
from snn.plasticity.stdp import PairSTDP
from snn.plasticity.surrogate import Arctan, Exponential, FastSigmoid, PiecewiseLinear, Surrogate

__all__ = [
    "Adam",
    "Arctan",
    "EProp",
    "Exponential",
    "FastSigmoid",
    "GradientDescent",
    "Optimizer",
    "PairSTDP",
    "PiecewiseLinear",
    "RewardSTDP",
    "Rule",
    "Static",
    "Surrogate",
]
