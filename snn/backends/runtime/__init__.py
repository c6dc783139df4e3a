"""Runs a plan with Brian2's runtime mode, in this process."""
