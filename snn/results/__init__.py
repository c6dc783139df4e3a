"""Results of runs: scores, recordings, weights, files and plots."""
