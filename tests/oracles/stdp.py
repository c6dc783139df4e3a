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

# Pfister & Gerstner (2006), J. Neurosci. 26, 9673-9682: amplitudes A2+, A3+, A2-, A3- and time constants tau_x, tau_y
# (ms) of their tables 3 and 4, as public code has them; tau+ = 16.8 ms and tau- = 33.7 ms throughout.
VISUAL_CORTEX = (5e-10, 6.2e-3, 7e-3, 2.3e-4, 101, 125)
VISUAL_CORTEX_NEAREST = (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714, 40)
VISUAL_CORTEX_MINIMAL = (0.0, 6.5e-3, 7.1e-3, 0.0, 101, 114)
HIPPOCAMPUS = (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946, 27)

# The protocol of their figure: 60 pairings at these frequencies (Hz), the postsynaptic spike 10 ms after or before the
# presynaptic one. Changes of the weight under VISUAL_CORTEX, all to all, computed with an independent program, to six
# digits. That depression turns to potentiation between 20 and 40 Hz is the paper's result.
PAIRINGS = 60
FREQUENCIES = (0.1, 10, 20, 40, 50)
AFTER = (0.0, 0.132053, 0.246962, 0.533723, 0.740906)
BEFORE = (-0.312161, -0.333623, -0.351622, 0.154795, 0.727247)
