"""Locks that give one process at a time the right to drive a study."""
