"""Published fixed points and settings of plasticity rules, with their sources."""

# Vogels et al. (2011), Science 334, 1569-1573, as in Brian2's example: leaky neurons with conductances, 8,000 and 2,000
# of them with p = 0.02. Here they are ten times fewer, with p 25 times larger, and weights 2.5 times smaller, so that
# the total weight onto a neuron is theirs. The fixed point is that of uncorrelated spikes; a strong inhibitory spike
# keeps its neuron from spiking, which pairs miss, so that few strong synapses settle higher: 3.8 Hz at the published
# size (40 inhibitory synapses a neuron), 3.5 Hz with p = 0.2 (40), 3.1 Hz with p = 0.5 (100). With p = 0.02 and weights
# ten times larger there are four, some from neurons that never spike, and nothing settles within 100 s (21 Hz).
# Learning is 20 times faster than theirs. Units: nS, mV, ms, pF, pA, Hz.
BALANCED = {
    "excitatory": 800,
    "inhibitory": 200,
    "p": 0.5,
    "capacitance": 200.0,
    "leak": 10.0,
    "rest": -60.0,
    "inhibitory_reversal": -80.0,
    "threshold": -50.0,
    "current": 200.0,
    "refractory": 5.0,
    "tau_ampa": 5.0,
    "tau_gaba": 10.0,
    "excitatory_weight": 0.12,
    "inhibitory_weight": 1.2,
    "first_plastic_weight": 0.1,
    "largest_weight": 100.0,
    "lr": 0.2,
    "tau": 20.0,
    "rate": 3.0,
}
RATE_TOLERANCE = 0.15  # of the target, after tens of seconds

# GeNN, tutorial "mushroom body", symmetric STDP: w += eta (e^(-|dt|/15 ms) - 0.01) at presynaptic spikes, and
# eta max(e^(-|dt|/15 ms) - 0.01, -0.001) at postsynaptic ones, where dt is to the nearest spike of the other side.
GENN = {"tau_ms": 15.0, "offset": 0.01, "floor": -0.001}

# Oja (1982), J. Math. Biol. 15, 267-273: the fixed point is the first eigenvector of the inputs' correlation matrix,
# of norm 1.
OJA_NORM = 1.0
OJA_COSINE = 0.99
