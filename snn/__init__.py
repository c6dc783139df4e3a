"""Spiking networks as data, run by Brian2 equations on compiled engines."""

from typing import Any

from snn.chip import Chip
from snn.connectivity.patterns import Dense, FixedFanIn, OneToOne, Sparse
from snn.connectivity.weights import Constant, FromArray, Normal, Uniform
from snn.encoders import Analog, Poisson, Regular, SpikeTrains
from snn.errors import NetworkWarning, RoundedTime, SNNError
from snn.lowering.planner import structure_hash
from snn.network.builder import Network
from snn.network.spec import NetworkSpec
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
from snn.results.result import Result
from snn.signals import Environment, Signal
from snn.system.uncaught import spare_banner

spare_banner()


def __getattr__(name: str) -> Any:
    if name == "Given":  # no AttributeError: `from snn import Given` would hide its text
        raise ImportError("`Given` is now `FromArray`: write snn.FromArray(values).")
    raise AttributeError(f"module 'snn' has no attribute {name!r}")


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
    "FromArray",
    "GradientDescent",
    "HomeostaticLIF",
    "InhibitorySTDP",
    "Izhikevich",
    "LeakyReadout",
    "LocalRule",
    "ModulatedSTDP",
    "Network",
    "NetworkSpec",
    "NetworkWarning",
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
    "RoundedTime",
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
    "structure_hash",
]
