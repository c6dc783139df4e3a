"""What follows from equations by differentiation, symbolically: one-step maps, Jacobians, eligibility."""

from snn.calculus.eligibility import Eligibility, derive
from snn.calculus.jacobian import NotDifferentiable, jacobian
from snn.calculus.stepmap import StepMap

__all__ = ["Eligibility", "NotDifferentiable", "StepMap", "derive", "jacobian"]
