"""Plasticity rules, one a file. A rule is data: see `snn.plasticity.rule`."""

from snn.plasticity.coactivity import CoactivitySTDP, InhibitorySTDP
from snn.plasticity.covariance import Covariance
from snn.plasticity.delta import DeltaRule
from snn.plasticity.dopamine import DopamineDepression
from snn.plasticity.eprop import EProp
from snn.plasticity.factor import Factor
from snn.plasticity.local import LocalRule
from snn.plasticity.modulated import ModulatedSTDP
from snn.plasticity.normalisation import WeightNormalisation
from snn.plasticity.oja import Oja
from snn.plasticity.optimizer import Adam, GradientDescent, Optimizer
from snn.plasticity.products import SumOfProducts
from snn.plasticity.reward import RewardSTDP
from snn.plasticity.rule import Rule
from snn.plasticity.spiketrace import SpikeTrace
from snn.plasticity.static import Static
from snn.plasticity.stdp import PairSTDP
from snn.plasticity.surrogate import Arctan, Exponential, FastSigmoid, PiecewiseLinear, Surrogate
from snn.plasticity.triplet import TripletSTDP
from snn.plasticity.volterra import VolterraRule

__all__ = [
    "Adam",
    "Arctan",
    "CoactivitySTDP",
    "Covariance",
    "DeltaRule",
    "DopamineDepression",
    "EProp",
    "Exponential",
    "Factor",
    "FastSigmoid",
    "GradientDescent",
    "InhibitorySTDP",
    "LocalRule",
    "ModulatedSTDP",
    "Oja",
    "Optimizer",
    "PairSTDP",
    "PiecewiseLinear",
    "RewardSTDP",
    "Rule",
    "SpikeTrace",
    "Static",
    "SumOfProducts",
    "Surrogate",
    "TripletSTDP",
    "VolterraRule",
    "WeightNormalisation",
]
