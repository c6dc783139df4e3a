"""The order within one time step: slots, phases and their limits."""

from __future__ import annotations

SLOTS = (
    "start",  # signals are loaded, encoders run, spikes that arrive in this step are found
    "synapses",  # arriving spikes add their weights
    "resets",  # of neurons that spiked in the step before
    "groups",  # state update; pseudo-derivatives after it
    "thresholds",
    "readouts",
    "errors",
    "feedback",
    "decisions",
    "environment",
    "broadcast",
    "learning",
    "writes",
    "end",
)
OWN_SLOTS = ("synapses", "resets", "groups", "thresholds")
"""What each population goes through by itself where populations are updated one after another."""
SPIKE_TEST = 3  # the order of the spike test within its slot
STEP, LEARN, FIRST, LAST, LEARN_LAST = "step", "learn", "first", "last", "learn_last"
PHASES = (STEP, LEARN, FIRST, LAST, LEARN_LAST)
"""When code runs: in every step; only while learning; in a sample's first or last step; in its last while learning."""
CLOCK = ("sample_row", "sample_step", "sample_steps", "signal_row", "absolute_step", "teach")
"""Read-only counters updated by the run loop: the row of the sample in this run, the step
within it, its length without the gap, the row of per-step signals, the step since the beginning of the stream, and
whether teachers act."""
SPIKES_EVENT = "e"  # how the engine is told to record events
PREVIOUS = "previous"
"""The event of neurons that spiked in the step before; its delayed relatives are named after their projection."""


def own_slot(slot: str, turn: int) -> str:
    """The slot of a population that is the turn-th to be updated, from 0."""
    base = slot.removeprefix("after_").removeprefix("before_")
    return f"{slot}_{turn}" if turn and base in OWN_SLOTS else slot
