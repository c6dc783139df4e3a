"""Neuron models as data: Brian2 equations, a threshold, a reset, and numbers.

Every model reaches the backends as a `Neuron`; `LIF`, `AdEx` and the others are `Neuron`s that are already written. A
model of your own is either a `Neuron(...)` in your script or a frozen dataclass here with a method ``neuron(dt)``.
"""

from snn.neurons.adex import AdEx
from snn.neurons.homeostatic import HomeostaticLIF
from snn.neurons.izhikevich import Izhikevich
from snn.neurons.lif import ALIF, LIF, SynapticLIF
from snn.neurons.neuron import Neuron, NeuronModel
from snn.neurons.resonate import ResonateAndFire

__all__ = [
    "ALIF",
    "LIF",
    "AdEx",
    "HomeostaticLIF",
    "Izhikevich",
    "Neuron",
    "NeuronModel",
    "ResonateAndFire",
    "SynapticLIF",
]
