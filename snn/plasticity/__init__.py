"""Plasticity rules, one a file. A rule is data: see `snn.plasticity.rule`."""

from snn.plasticity.eprop import EProp
from snn.plasticity.reward import RewardSTDP
from snn.plasticity.rule import Rule
from snn.plasticity.static import Static
from snn.plasticity.stdp import PairSTDP
from snn.plasticity.surrogate import PiecewiseLinear

__all__ = ["EProp", "PairSTDP", "PiecewiseLinear", "RewardSTDP", "Rule", "Static"]
