"""Published pseudo-derivatives of a spike, with their source."""

# NEST, testsuite/pytests: the surrogate gradient functions of e-prop neurons. One neuron with
# v[t] = exp(-dt/tau) v[t-1] + input; psi is taken from v before the reset; v >= v_th subtracts v_th in that very step
# and starts the refractory time, in whose steps psi is 0. A weight arrives one step after each of the spikes.
TAU_MS, V_TH, REFRACTORY_STEPS, WEIGHT, STEPS = 10.0, 0.6, 3, 0.3, 20
SPIKES = (1, 2, 3, 5, 9, 11)
HEIGHT, WIDTH = 0.5, 1 / 1.7
COMPARED = slice(14, 19)
PSI = {
    "piecewise_linear": (0.21030100902759, 0.18933659619924, 0.17036721102500, 0.15320300152221, 0.13767218251307),
    "exponential": (0.28011776848615, 0.26861558105999, 0.25861553046549, 0.24988832085299, 0.24224569105944),
    "fast_sigmoid": (0.20044113201621, 0.19020804299944, 0.18160934703950, 0.17432167613232, 0.16809903522604),
    "arctan": (0.37433498786304, 0.36073812744784, 0.34852165076370, 0.33759316659435, 0.32784181049728),
}
