"""e-prop: online gradient learning of recurrent spiking networks, for any neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy
from brian2 import Quantity, hertz, ms, second

from snn.connectivity.weights import Normal, Weights
from snn.equations.parse import dimensions_of, units_of
from snn.equations.stepmap import expression, symbol
from snn.errors import NetworkError
from snn.fields import choice, flag, mapping_problems, number, sort_mappings
from snn.neurons import Neuron
from snn.plasticity.eprop.descent import Descent, Rate, Window
from snn.plasticity.eprop.eligibility import Eligibility
from snn.plasticity.eprop.optimizers import GradientDescent, Optimizer
from snn.plasticity.eprop.renaming import derived
from snn.plasticity.eprop.surrogates import PiecewiseLinear, Surrogate
from snn.plasticity.equations import RuleEquations
from snn.plasticity.expressions import expression_problems, outside
from snn.plasticity.rule import Place, Rule
from snn.plasticity.terms import NeuronVariable, SynapseVariable, Trace
from snn.readouts import LeakyReadout
from snn.serial import serialisable

PER_SAMPLE, ONLINE = "per-sample", "online"


@serialisable
@dataclass(frozen=True)
class EProp(Rule):
    r"""Eligibility propagation (Bellec et al. 2020, eq. 13-28), derived from the equations of any neuron.

    For a synapse from i onto neuron j,

    .. math::
       \bar e &\leftarrow \kappa \bar e + (1-\kappa)\, e, \qquad
       g = \sum_t L_j \bar e + c_{reg} \frac{f_j - f^*}{T} \sum_t e, \qquad
       \Delta w = -\eta\, g

    with the eligibility e of `snn.plasticity.eprop.eligibility`, the learning signal :math:`L_j = \sum_k B_{jk}
    \text{error}_k` of the readouts that listen to the population, and their :math:`\kappa`; and for a synapse onto a
    readout :math:`g = \sum_t \text{error}_k\, \kappa\text{-filtered } z_j`. Spikes are counted per step: :math:`f_j` is
    the sample's spike count over its T steps, :math:`f^*` is `rate_target` times dt.
    ``print(EProp().equations(ALIF()))`` shows all of it for one neuron.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    feedback : {"symmetric", "random", "adaptive"}
        B is the transposed readout weight matrix; or drawn once; or drawn and then changed like the readout weights.
    feedback_weights : Weights
        Distribution of a B that is drawn; its fan-in is that of the readout.
    surrogate : Surrogate
        Pseudo-derivative :math:`\psi` of the spike: `PiecewiseLinear`, `Exponential`, `FastSigmoid`, `Arctan`. It is
        zero in refractory steps.
    variant : {"per-sample", "online"}
        One update at the end of a sample, for tasks that reset the network before each; or an update a step,
        :math:`\Delta w = -\eta (L_j \bar e + c_{reg} (\bar f_j - f^*)\, e)`, for streams that are never reset.
    optimizer : Optimizer
        `GradientDescent` or `Adam`.
    batch : int or None, >= 1
        The per-sample variant sums the gradients of so many samples, divides by their number, and then updates;
        what is left of a stream after its last whole batch changes nothing. ``None``: it updates after each sample.
    average : bool
        The per-sample variant divides the gradient by the steps of the readouts' learning window, or of the sample.
    weight_decay : float or None, >= 0
        Each update also takes ``lr*weight_decay`` times the weight off it, apart from the optimizer (Loshchilov &
        Hutter 2019); of an adaptive B likewise.
    rate_strength : float or None, >= 0
        :math:`c_{reg}` of the firing-rate regularisation; ``None`` leaves it and its synaptic variable out.
    rate_target : Quantity, >= 0 Hz
        The rate that regularisation pulls to.
    rate_tau : Quantity, > 0 ms
        Time constant of the running rate :math:`\bar f_j`, which the online variant uses.
    signal : str or None
        A learning signal of your own in place of the readouts': a Brian2 expression evaluated once a postsynaptic
        neuron in every step, of the neuron's variables, ``spiked`` (1 in the step of a spike), ``sample_spikes`` (so
        far in this sample), signals of the population, variables of the `Environment` (broadcast), and
        `signal_parameters`. Plain numbers in SI units. Its :math:`\kappa` is 0: e is not filtered.
    signal_parameters : mapping of str to number or Quantity
        Constants of that expression.
    membrane : str or None
        The variable whose jump at a reset is a constant; ``None``: the one that stands alone on the threshold's larger
        side.
    through_reset : bool
        Whether its jump is differentiated too.

    Place in the time step: the pseudo-derivative is part 2, the error part 4, eligibilities and updates part 5; the
    per-sample variant writes in the sample's last step.

    Raises
    ------
    NetworkError
        Where nothing gives a learning signal, or where the neuron's equations have no derivative.

    Examples
    --------
    >>> from snn import ALIF
    >>> print(EProp().equations(ALIF()))  # doctest: +SKIP
    """

    lr: float = number(1e-2, at_least=0)
    feedback: str = choice("symmetric", "symmetric", "random", "adaptive")
    feedback_weights: Weights = Normal()
    surrogate: Surrogate = PiecewiseLinear()
    variant: str = choice(PER_SAMPLE, PER_SAMPLE, ONLINE)
    optimizer: Optimizer = GradientDescent()
    batch: int | None = number(None, at_least=1, integer=True, optional=True)
    average: bool = flag(False)
    weight_decay: float | None = number(None, at_least=0, optional=True)
    rate_strength: float | None = number(None, at_least=0, optional=True)
    rate_target: Quantity = number(10 * hertz, hertz, at_least=0)
    rate_tau: Quantity = number(500 * ms, second, above=0)
    signal: str | None = None
    signal_parameters: Mapping[str, Any] = field(default_factory=dict)
    membrane: str | None = None
    through_reset: bool = flag(False)

    def __post_init__(self) -> None:
        sort_mappings(self, "signal_parameters")

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        for part, kind, example in (
            ("surrogate", Surrogate, "PiecewiseLinear()"),
            ("feedback_weights", Weights, "Normal()"),
            ("optimizer", Optimizer, "GradientDescent() or Adam()"),
        ):
            value = getattr(self, part)
            if isinstance(value, kind):
                found += value.problems(f"the {part.replace('_', ' ')} of {name}")
            else:
                found.append(f"`{part}` of {name} must be given as {example} or so, but is {value!r}.")
        if self.membrane is not None and not isinstance(self.membrane, str):
            found.append(f"`membrane` of {name} must be the name of a variable, but is {self.membrane!r}.")
        if not found and self.variant == ONLINE and (self.batch is not None or self.average):
            found.append(f"`batch` and `average` are for variant='per-sample', but {name} has variant='online'.")
        return found + self._signal_problems(name)

    def _signal_problems(self, name: str) -> list[str]:
        if self.signal is None:
            found = mapping_problems("signal_parameters", self.signal_parameters, name)
            unused = [] if found or not self.signal_parameters else [f"`signal_parameters` of {name} need a `signal`."]
            return found + unused
        given = "signal_parameters", self.signal_parameters
        return expression_problems("signal", self.signal, *given, name, "a signal", "rate - target")

    def at(self, place: Place) -> RuleEquations:
        if place.readout is not None:
            return self._onto_readout(place.readout)
        return self._onto_neurons(place)

    def _onto_readout(self, readout: LeakyReadout) -> RuleEquations:
        equations = RuleEquations(
            parameters={"tau_out": readout.tau},
            traces=(Trace("z_filtered", "pre", "exp(-dt/tau_out)", "1 - exp(-dt/tau_out)", current=True),),
            formulas=(_filtered("z", "spike"),),
        )
        return self._descent(readout).learned(equations, "", "error_post*z_filtered", "error*z_filtered")

    def _onto_neurons(self, place: Place) -> RuleEquations:
        neuron = place.post
        assert neuron is not None
        if neuron.threshold is None:
            raise NetworkError("EProp needs postsynaptic spikes, which a population with threshold=None does not have.")
        readout = self._readout(place)
        eligibility, parameters = derived(neuron, self.membrane, self.through_reset)
        if not eligibility.slope:
            raise NetworkError(
                f"What arrives at {neuron.input!r} never reaches the threshold {neuron.threshold!r}, so there is "
                "nothing to learn; let synapses add to another variable, or use another rule."
            )
        own = self._own_signal()
        signal = "learning_signal_post" if own else "learning_signal"
        slope = eligibility.slope if eligibility.slope.isidentifier() else f"({eligibility.slope})"
        code = [eligibility.before, f"eligibility = psi_post*{slope}", eligibility.after]
        psi = self._pseudo_derivative(neuron, eligibility)
        formulas = [*eligibility.formulas, ("psi", expression(self.surrogate.expression("distance")))]
        filtered = "eligibility"
        variables = [SynapseVariable(name) for name in eligibility.variables]
        if readout is not None:
            parameters["tau_out"] = readout.tau
            variables.append(SynapseVariable("e_filtered"))
            code.append("e_filtered = exp(-dt/tau_out)*e_filtered + (1 - exp(-dt/tau_out))*eligibility")
            filtered = "e_filtered"
            formulas.append(_filtered("e", "eligibility"))
        equations = RuleEquations(
            parameters=parameters,
            traces=eligibility.traces,
            variables=tuple(variables),
            neuron_variables=(psi, *eligibility.coefficients, *own),
            factors=self._factors(place),
            feedback=None if own else self.feedback,
            formulas=tuple(formulas),
            notes=eligibility.notes,
        )
        return self._descent(readout).learned(
            equations,
            "\n".join(line for line in code if line),
            f"{signal}*{filtered}",
            f"learning_signal*{filtered}",
            regularised=True,
        )

    def _descent(self, readout: LeakyReadout | None) -> Descent:
        return Descent(
            optimizer=self.optimizer,
            lr=self.lr,
            online=self.variant == ONLINE,
            batch=self.batch,
            window=Window(readout.learning_window if readout else None) if self.average else None,
            weight_decay=self.weight_decay,
            adaptive=self.feedback == "adaptive",
            rate=None if self.rate_strength is None else Rate(self.rate_strength, self.rate_target, self.rate_tau),
        )

    def _pseudo_derivative(self, neuron: Neuron, eligibility: Eligibility) -> NeuronVariable:
        unit = dimensions_of(eligibility.distance, neuron.model, units_of(neuron.parameters))
        psi = self.surrogate.expression(eligibility.distance)
        allowed = "" if neuron.refractory is None else "int(not_refractory)*"
        return NeuronVariable("psi", allowed + psi, self.surrogate.numbers(neuron, unit))

    def _readout(self, place: Place) -> LeakyReadout | None:
        """The readout whose time constant filters, and whose window averages; none with a signal of one's own."""
        found = [readout for readout in place.readouts if isinstance(readout, LeakyReadout)]
        if not found and self.signal is None:
            raise NetworkError(
                "EProp needs a learning signal, but no LeakyReadout listens to the population that it teaches; "
                "connect the population to a readout, or give a signal of your own: EProp(signal='...')."
            )
        if self.signal is not None:
            return None
        for name in ("tau", *(("learning_window",) if self.average else ())):
            values = [getattr(readout, name) for readout in found]
            if any(value != values[0] for value in values):
                raise NetworkError(f"EProp needs readouts of one {name} behind a population, but they have {values}.")
        return found[0]

    def _own_signal(self) -> tuple[NeuronVariable, ...]:
        if self.signal is None:
            return ()
        return (NeuronVariable("learning_signal", self.signal, self.signal_parameters, at="spikes"),)

    def _factors(self, place: Place) -> tuple[str, ...]:
        """The names in the learning signal that are neither the neuron's nor given here."""
        if self.signal is None:
            return ()
        return outside(self.signal, self.signal_parameters, place, "a signal", "signal_parameters")


def _filtered(name: str, of: str) -> tuple[str, sympy.Expr]:
    kappa = expression("exp(-dt/tau_out)")
    return f"{name}_filtered'", kappa * symbol(f"{name}_filtered") + (1 - kappa) * symbol(of)
