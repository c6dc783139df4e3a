"""Equations that a user writes: parsed, checked, differentiated."""
