"""Notes and images of trials for Optuna's dashboard."""
