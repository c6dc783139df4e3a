"""Spiking networks as data, run by Brian2 equations on compiled engines."""

from snn.connect import Constant, Dense, FixedFanIn, Given, Normal, OneToOne, Sparse, Uniform
from snn.encode import Poisson, Regular, SpikeTrains
from snn.errors import SNNError
from snn.network import Network, NetworkSpec
from snn.neurons import ALIF, LIF, AdEx, Izhikevich, Neuron, ResonateAndFire, SynapticLIF
from snn.plasticity import (
    Adam,
    Arctan,
    EProp,
    Exponential,
    FastSigmoid,
    GradientDescent,
    PairSTDP,
    PiecewiseLinear,
    RewardSTDP,
    Rule,
    Static,
)
from snn.readouts import LeakyReadout, SpikeReadout
from snn.result import Result
from snn.signals import Environment, Signal

__all__ = [
    "ALIF",
    "LIF",
    "AdEx",
    "Adam",
    "Arctan",
    "Constant",
    "Dense",
    "EProp",
    "Environment",
    "Exponential",
    "FastSigmoid",
    "FixedFanIn",
    "Given",
    "GradientDescent",
    "Izhikevich",
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
    "ResonateAndFire",
    "Result",
    "RewardSTDP",
    "Rule",
    "SNNError",
    "Signal",
    "Sparse",
    "SpikeReadout",
    "SpikeTrains",
    "Static",
    "SynapticLIF",
    "Uniform",
]
