"""Limits of hardware on weights, writes and traces, and the energies of operations."""

from snn.chip.chip import Chip
from snn.chip.energy import CMOS_45NM, LOIHI, ODIN, EnergyTable
from snn.chip.grid import Grid
from snn.chip.presets import PROFILES, profile

__all__ = ["CMOS_45NM", "LOIHI", "ODIN", "PROFILES", "Chip", "EnergyTable", "Grid", "profile"]
