"""The check that a network fits its chip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from snn.chip.chip import Chip
from snn.connectivity.patterns import FixedFanIn, OneToOne, Sparse

if TYPE_CHECKING:
    from snn.network.data import NetworkData, Projection


def chip_problems(spec: NetworkData, chip: Chip) -> Iterator[str]:
    """Return the limits of a chip that a network breaks, one sentence each. The chip's own numbers are right."""
    if chip.weight_bits is not None:
        yield from _ranges(spec, chip)
    if chip.fan_in is not None and chip.over_fan_in == "refuse":
        yield from _fan_in(spec, int(chip.fan_in))


def _fan_in(spec: NetworkData, limit: int) -> Iterator[str]:
    """Whether neurons have more synapses than there is room for, of sparse connections on average.

    How many those have is known when they are drawn; `snn.lowering.arrangement.fan_in` looks again.
    """
    sizes = spec.sizes()
    for target in sizes:
        onto = {p.name: synapses_onto(p, sizes) for p in spec.projections if p.target == target and p.source in sizes}
        if sum(onto.values()) > limit:
            parts = ", ".join(f"{n:.6g} by {name!r}" for name, n in onto.items())
            yield (
                f"At most {limit} synapses onto a neuron fit the chip, but each of {target!r} receives "
                f"{sum(onto.values()):.6g} ({parts}); connect fewer, or give over_fan_in='prune'."
            )


def synapses_onto(projection: Projection, sizes: Mapping[str, int], most: bool = False) -> float:
    """Count the synapses onto each neuron, of sparse ones on average or at `most`."""
    connection = projection.connection
    if isinstance(connection, FixedFanIn):
        return connection.k
    if isinstance(connection, OneToOne):
        return 1
    autapses = getattr(connection, "autapses", True)
    others = sizes[projection.source] - (projection.source == projection.target and not autapses)
    return others * (connection.p if isinstance(connection, Sparse) and not most else 1)


def _ranges(spec: NetworkData, chip: Chip) -> Iterator[str]:
    """Whether every projection has levels."""
    without = [p.name for p in spec.projections if chip.w_range is None and None in (p.w_min, p.w_max)]
    if without:
        yield (
            "A weight of so many bits needs a range, but the chip has no w_range and these projections lack w_min or "
            f"w_max: {', '.join(map(repr, without))}; give w_range=(low, high), or bounds to each."
        )
    for projection in spec.projections:
        grid = chip.grid(projection.w_min, projection.w_max)
        if grid is None:
            continue
        if not grid.low < grid.high:  # w_min > w_max is reported elsewhere
            if grid.low == grid.high:
                yield f"`w_min < w_max` must hold on a chip without w_range, but {projection.name} has both {grid.low}."
        elif grid.levels[0] > grid.levels[1]:
            yield (
                f"Some level of the chip must lie within a projection's bounds, but {projection.name} has w_min = "
                f"{projection.w_min}, w_max = {projection.w_max} between two levels, {grid.step:.3g} apart, of "
                f"{grid.low} to {grid.high}; change the bounds or w_range."
            )
