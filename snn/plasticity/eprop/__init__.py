"""e-prop: eligibility traces derived from a neuron's own equations (Bellec et al. 2020)."""
