"""Runs jobs: in threads, in processes, on a cluster."""
