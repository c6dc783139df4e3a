"""Spiking networks as data, run by Brian2 equations on compiled engines."""

from snn.connect import Constant, Dense, FixedFanIn, Given, Normal, OneToOne, Sparse, Uniform
from snn.encode import Poisson, Regular, SpikeTrains
from snn.errors import SNNError
from snn.network import Network, NetworkSpec
from snn.neurons import ALIF, LIF, Neuron
from snn.plasticity import EProp, PairSTDP, PiecewiseLinear, RewardSTDP, Rule, Static
from snn.readouts import LeakyReadout, SpikeReadout
from snn.result import Result
from snn.signals import Environment, Signal

__all__ = [
    "ALIF",
    "LIF",
    "Constant",
    "Dense",
    "EProp",
    "Environment",
    "FixedFanIn",
    "Given",
    "LeakyReadout",
    "Network",
    "NetworkSpec",
    "Neuron",
    "Normal",
    "OneToOne",
    "PairSTDP",
    "PiecewiseLinear",
    "Poisson",
    "Regular",
    "Result",
    "RewardSTDP",
    "Rule",
    "SNNError",
    "Signal",
    "Sparse",
    "SpikeReadout",
    "SpikeTrains",
    "Static",
    "Uniform",
]
