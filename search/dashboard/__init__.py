"""What a search adds to Optuna's dashboard: notes and images."""
