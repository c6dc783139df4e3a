"""Plasticity rules, one a file. A rule is data: see `snn.plasticity.rule`."""

from snn.plasticity.eprop.optimizers import Adam, GradientDescent, Optimizer
from snn.plasticity.eprop.rule import EProp
from snn.plasticity.eprop.surrogates import Arctan, Exponential, FastSigmoid, PiecewiseLinear, Surrogate
from snn.plasticity.factor import Factor
from snn.plasticity.rule import Rule
from snn.plasticity.rules.coactivity import CoactivitySTDP, InhibitorySTDP
from snn.plasticity.rules.covariance import Covariance
from snn.plasticity.rules.delta import DeltaRule
from snn.plasticity.rules.dopamine import DopamineDepression
from snn.plasticity.rules.local import LocalRule
from snn.plasticity.rules.modulated import ModulatedSTDP
from snn.plasticity.rules.normalisation import WeightNormalisation
from snn.plasticity.rules.oja import Oja
from snn.plasticity.rules.products import SumOfProducts
from snn.plasticity.rules.reward import RewardSTDP
from snn.plasticity.rules.spiketrace import SpikeTrace
from snn.plasticity.rules.static import Static
from snn.plasticity.rules.stdp import PairSTDP
from snn.plasticity.rules.triplet import TripletSTDP
from snn.plasticity.rules.volterra import VolterraRule

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
