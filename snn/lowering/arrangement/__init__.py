"""Rewrites of a whole plan: sequential updates, merged code, fan-in limits, batches."""
