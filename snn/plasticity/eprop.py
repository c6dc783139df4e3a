"""e-prop: online gradient learning of recurrent spiking networks."""

from __future__ import annotations

from dataclasses import dataclass

from brian2 import Quantity, hertz

from snn.connect import Normal, Weights
from snn.errors import NetworkError
from snn.fields import choice, number, problems
from snn.neurons import Neuron
from snn.plasticity.rule import NeuronVariable, Place, Rule, RuleEquations, Step, SynapseVariable, Trace, Update
from snn.plasticity.surrogate import PiecewiseLinear, Surrogate
from snn.readouts import LeakyReadout
from snn.serial import serialisable

DERIVED = ("LIF", "ALIF")


@serialisable
@dataclass(frozen=True)
class EProp(Rule):
    r"""Eligibility propagation with one update a sample (Bellec et al. 2020, eq. 13-28).

    For a synapse from i onto neuron j of a population that a readout listens to:

    .. math::
       \bar z_i &\leftarrow \alpha \bar z_i + \zeta z_i, \qquad e = \psi_j (\bar z_i - \beta \epsilon), \qquad
       \epsilon \leftarrow \rho \epsilon + e \\
       \bar e &\leftarrow \kappa \bar e + (1-\kappa) e, \qquad g \leftarrow g + L_j \bar e, \qquad
       L_j = \sum_k B_{jk}\, \mathrm{error}_k \\
       \Delta w &= -\eta \left( g + c_{reg} \frac{f_j - f^*}{T} \sum_t e \right)

    and for a synapse onto a readout :math:`g \leftarrow g + \mathrm{error}_k\, \kappa\text{-filtered } z_j`.
    :math:`\epsilon` is there for `ALIF` only. Spikes are counted per step: :math:`f_j` is the sample's spike count
    over its T steps, :math:`f^*` is `rate_target` times dt.

    Parameters
    ----------
    lr : float, >= 0
        Learning rate :math:`\eta`.
    feedback : {"symmetric", "random", "adaptive"}
        B is the transposed readout weight matrix; or drawn once; or drawn and then changed like the readout weights.
    feedback_weights : Weights
        Distribution of a B that is drawn; its fan-in is that of the readout.
    surrogate : Surrogate
        Pseudo-derivative :math:`\psi`; zero in refractory steps.
    rate_strength : float or None, >= 0
        :math:`c_{reg}` of the firing-rate regularisation; ``None`` leaves it and its synaptic variable out.
    rate_target : Quantity, >= 0 Hz
        The rate that regularisation pulls to.

    Place in the time step: the pseudo-derivative is part 2, the error part 4, eligibilities part 5; weights change in
    the sample's last step.

    Raises
    ------
    NetworkError
        For other neurons than `LIF` and `ALIF`, and where no `LeakyReadout` gives a learning signal.
    """

    lr: float = number(1e-2, at_least=0)
    feedback: str = choice("symmetric", "symmetric", "random", "adaptive")
    feedback_weights: Weights = Normal()
    surrogate: Surrogate = PiecewiseLinear()
    rate_strength: float | None = number(None, at_least=0, optional=True)
    rate_target: Quantity = number(10 * hertz, hertz, at_least=0)

    def problems(self, name: str) -> list[str]:
        found = super().problems(name)
        if isinstance(self.surrogate, Surrogate):
            found += problems(self.surrogate, f"the surrogate of {name}")
        else:
            found.append(f"`surrogate` of {name} must be given as PiecewiseLinear() or so, but is {self.surrogate!r}.")
        if isinstance(self.feedback_weights, Weights):
            found += self.feedback_weights.problems(f"the feedback weights of {name}")
        else:
            found.append(f"`feedback_weights` of {name} must be Normal() or so, but are {self.feedback_weights!r}.")
        return found

    def equations(self, place: Place) -> RuleEquations:
        if place.readout is not None:
            return self._onto_readout(place.readout)
        return self._onto_neurons(place)

    def _onto_readout(self, readout: LeakyReadout) -> RuleEquations:
        weight = Update("sample", dw="-lr*g", after="g = 0")
        back = Update("sample", dw="-lr*g", of="feedback_weight")
        return RuleEquations(
            parameters={"lr": self.lr, "tau_out": readout.tau},
            traces=(Trace("z_filtered", "pre", "exp(-dt/tau_out)", "1 - exp(-dt/tau_out)", current=True),),
            variables=(SynapseVariable("g"),),
            steps=(Step("step", "g += error_post*z_filtered"),),
            updates=(back, weight) if self.feedback == "adaptive" else (weight,),
        )

    def _onto_neurons(self, place: Place) -> RuleEquations:
        neuron = place.post
        tau_out = self._readout_tau(place)
        assert neuron is not None
        if neuron.kind not in DERIVED:
            raise NetworkError(
                f"EProp knows the eligibility of {' and '.join(DERIVED)} neurons, but it was asked for {neuron.kind}; "
                "use one of them, or another rule."
            )
        adaptive = neuron.kind == "ALIF"
        parameters = {
            "lr": self.lr,
            "tau_m": neuron.parameters["tau_m"],
            "drive": neuron.parameters["drive"],
            "tau_out": tau_out,
        }
        variables = [SynapseVariable("e_filtered"), SynapseVariable("g")]
        code = [
            "eligibility = psi_post*(z_filtered - beta_post*eps)" if adaptive else "eligibility = psi_post*z_filtered"
        ]
        if adaptive:
            parameters["tau_a"] = neuron.parameters["tau_a"]
            variables.append(SynapseVariable("eps"))
            code.append("eps = exp(-dt/tau_a)*eps + eligibility")
        code += [
            "e_filtered = exp(-dt/tau_out)*e_filtered + (1 - exp(-dt/tau_out))*eligibility",
            "g += learning_signal*e_filtered",
        ]
        gradient, after = "g", "g = 0"
        if self.rate_strength is not None:
            parameters |= {"rate_strength": self.rate_strength, "rate_target": self.rate_target}
            variables.append(SynapseVariable("e_sum"))
            code.append("e_sum += eligibility")
            excess = "(sample_spikes_post/sample_steps - rate_target*dt)"
            gradient = f"(g + rate_strength*{excess}/sample_steps*e_sum)"
            after += "\ne_sum = 0"
        return RuleEquations(
            parameters=parameters,
            traces=(Trace("z_filtered", "pre", "exp(-dt/tau_m)", "drive*(1 - exp(-dt/tau_m))", current=True),),
            variables=tuple(variables),
            neuron_variables=(self._pseudo_derivative(neuron, adaptive),),
            steps=(Step("step", "\n".join(code)),),
            updates=(Update("sample", dw=f"-lr*{gradient}", after=after),),
            feedback=self.feedback,
        )

    def _pseudo_derivative(self, neuron: Neuron, adaptive: bool) -> NeuronVariable:
        distance = "v - v_th - beta*a" if adaptive else "v - v_th"
        triangle = self.surrogate.expression(distance, "surrogate_height", "surrogate_width")
        v_th = float(neuron.parameters["v_th"])
        return NeuronVariable(
            "psi",
            f"int(not_refractory)*{triangle}",
            {"surrogate_height": self.surrogate.height / v_th, "surrogate_width": self.surrogate.width * v_th},
        )

    def _readout_tau(self, place: Place) -> Quantity:
        taus = [readout.tau for readout in place.readouts if isinstance(readout, LeakyReadout)]
        if not taus:
            raise NetworkError(
                "EProp needs a learning signal, but no LeakyReadout listens to the population that it teaches; "
                "connect the population to a readout."
            )
        if any(tau != taus[0] for tau in taus):
            raise NetworkError(f"EProp needs readouts of one tau behind a population, but they have {taus}.")
        return taus[0]
