"""Spiking networks as data, run by Brian2 equations on compiled engines."""

from snn.chip import Chip
from snn.connect import Constant, Dense, FixedFanIn, Given, Normal, OneToOne, Sparse, Uniform
from snn.encode import Analog, Poisson, Regular, SpikeTrains
from snn.errors import SNNError
from snn.network import Network, NetworkSpec
from snn.neurons import ALIF, LIF, AdEx, HomeostaticLIF, Izhikevich, Neuron, ResonateAndFire, SynapticLIF
from snn.plasticity import (
    Adam,
    Arctan,
    CoactivitySTDP,
    Covariance,
    DeltaRule,
    DopamineDepression,
    EProp,
    Exponential,
    Factor,
    FastSigmoid,
    GradientDescent,
    InhibitorySTDP,
    LocalRule,
    ModulatedSTDP,
    Oja,
    PairSTDP,
    PiecewiseLinear,
    RewardSTDP,
    Rule,
    SpikeTrace,
    Static,
    SumOfProducts,
    TripletSTDP,
    VolterraRule,
    WeightNormalisation,
)
from snn.readouts import LeakyReadout, SpikeReadout
from snn.result import Result
from snn.signals import Environment, Signal
from snn.uncaught import spare_banner

spare_banner()

__all__ = [
    "ALIF",
    "LIF",
    "AdEx",
    "Adam",
    "Analog",
    "Arctan",
    "Chip",
    "CoactivitySTDP",
    "Constant",
    "Covariance",
    "DeltaRule",
    "Dense",
    "DopamineDepression",
    "EProp",
    "Environment",
    "Exponential",
    "Factor",
    "FastSigmoid",
    "FixedFanIn",
    "Given",
    "GradientDescent",
    "HomeostaticLIF",
    "InhibitorySTDP",
    "Izhikevich",
    "LeakyReadout",
    "LocalRule",
    "ModulatedSTDP",
    "Network",
    "NetworkSpec",
    "Neuron",
    "Normal",
    "Oja",
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
    "SpikeTrace",
    "SpikeTrains",
    "Static",
    "SumOfProducts",
    "SynapticLIF",
    "TripletSTDP",
    "Uniform",
    "VolterraRule",
    "WeightNormalisation",
]
