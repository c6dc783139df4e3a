"""Published and computed numbers for pair-based STDP, with their sources."""

# NEST, testsuite/pytests/test_stdp_nn_synapses.py: the spike trains that the test fixes (ms) and its parameters. The
# final weight of the all-to-all, additive rule in which coincident pairs count for nothing, from w = 0.5, was computed
# with an independent program.
NEST_PRE = (1, 5, 6, 7, 9, 11, 12, 13)
NEST_POST = (2, 3, 4, 8, 9, 10, 12)
NEST = {"lambda": 0.01, "alpha": 0.85, "tau_plus_ms": 16.8, "tau_minus_ms": 33.7, "w0": 0.5}
NEST_WEIGHT = 0.437694353656

# Song, Miller & Abbott (2000), Nat. Neurosci. 3, 919-926: the window A exp(-|dt|/tau) with tau = 20 ms, A+ = 0.01 and
# A- = 1.05 A+, in units of the largest weight, at these lags (ms), to ten digits.
LAGS = (1, 5, 10, 20, 50)
WINDOW = {"a_plus": 0.01, "a_minus": 0.0105, "tau_ms": 20.0}
POTENTIATION = (0.0095122942, 0.0077880078, 0.0060653066, 0.0036787944, 0.0008208500)
DEPRESSION = (-0.0099879090, -0.0081774082, -0.0063685719, -0.0038627341, -0.0008618925)
