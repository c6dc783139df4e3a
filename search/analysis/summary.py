"""The summary of a study, for `--json`, for tables and for notebooks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from search.analysis.tables import PER_SAMPLE, number, setting
from search.analysis.trials import count, front, is_over, objective_names
from search.storage.attributes import FINAL
from search.storage.location import Location
from search.storage.record import Record

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Best:
    """A member of the front.

    Parameters
    ----------
    number : int
        The trial's.
    values : dict
        Objective -> value.
    params : dict
        Parameter -> value.
    attrs : dict
        Seed, test accuracy (None until the search is over), scores, costs.
    """

    number: int
    values: dict[str, float]
    params: dict[str, Any]
    attrs: dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """A study as it stands.

    Parameters
    ----------
    study, storage : str
        Its name, and where it lies (without a password).
    trials : dict
        How many are `complete`, `fail`, `pruned`, `running`.
    builds : int
        Programs compiled so far.
    seconds : float
        Time in which at least one trial ran.
    best : tuple of Best
        The Pareto front, the best by the first objective first; one trial if there is one objective.
    reasons : tuple of (str, int)
        Why trials failed, and how many for each reason.
    over : bool
        Whether the search has come to its total and has not gone on since (`is_over`).
    files : dict
        What lies beside the storage: the folder of `states` of running trials and of results that the storage does not
        have yet, and the folder of `images`. A folder is there only if there is something in it.
    profile : dict or None
        Where the CPU of the search went (`snn.profile.Profile.report`), if that was asked for.
    """

    study: str
    storage: str
    trials: dict[str, int]
    builds: int
    seconds: float
    best: tuple[Best, ...]
    reasons: tuple[tuple[str, int], ...] = ()
    over: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    profile: dict[str, Any] | None = None

    def to_json(self) -> str:
        """One line."""
        fields = ("study", "storage", "trials", "builds", "seconds")
        shown = {name: getattr(self, name) for name in fields} | {"best": [vars(member) for member in self.best]}
        shown["files"] = dict(self.files)
        if self.profile is not None:
            shown["profile"] = self.profile
        return json.dumps(shown, allow_nan=False)

    def __str__(self) -> str:

        return describe(self)

    __repr__ = __str__  # what a notebook shows


def summarise(study: optuna.Study, location: Location) -> Summary:
    """The study as it stands in its storage."""
    trials = study.get_trials(deepcopy=False)
    attributes = study.user_attrs
    counts = count(trials)
    records = [Record(trial) for trial in trials]
    finals = [value for key, value in attributes.items() if key.startswith(FINAL)]
    over, names = is_over(study, counts), objective_names(study)
    best = []
    for trial in front(study):
        final = attributes.get(f"{FINAL}{trial.number}") if over else None
        values = dict(zip(names, trial.values, strict=True))
        best.append(Best(trial.number, values, dict(trial.params), Record(trial).attrs(final)))
    intervals = [record.interval for record in records if record.interval]
    intervals += [(_timestamp(final["ended"]) - final["seconds"], _timestamp(final["ended"])) for final in finals]
    return Summary(
        study=study.study_name,
        storage=location.shown,
        trials=counts,
        builds=sum(item.get("builds", 0) for item in [*(record.result for record in records), *finals]),
        seconds=round(_covered(intervals), 3),
        best=tuple(best),
        reasons=tuple(Counter(r.reason for r in records if r.trial.state.name == "FAIL").most_common()),
        over=over,
        files={"states": str(location.folder(study.study_name)), "images": str(location.artifacts)},
    )


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def describe(summary: Summary) -> str:
    """The best network, the counts, and where the study lies."""
    counts = summary.trials
    lines = [
        f"Study {summary.study}: {counts['complete']} complete, {counts['fail']} failed, {counts['pruned']} pruned, "
        f"{counts['running']} running; programs built: {summary.builds}; {summary.seconds:.1f} s",
    ]
    if summary.best:
        lines += _best(summary.best[0], len(summary.best))
    elif counts["fail"] and not counts["pruned"] + counts["running"]:
        lines.append("No trial is complete: all of them failed, and there is no best network.")
    elif counts["fail"] + counts["pruned"]:
        lines.append("No trial is complete, so there is no best network.")
    for reason, times in summary.reasons[:3]:
        lines.append(f"  failed {'once' if times == 1 else f'{times} times'}: {reason.splitlines()[0]}")
    if summary.profile is not None:
        lines += _profile(summary.profile)
    lines.append(f"Stored in {summary.storage}")
    if summary.files:
        lines.append(f"States of running trials, results not stored yet: {summary.files['states']}")
        lines.append(f"Images of the best: {summary.files['images']}")
    return "\n".join(lines)


def _profile(profile: dict[str, Any]) -> list[str]:
    """Describe the use of CPU time, one line for each stage."""
    seconds, each = profile["cpu_seconds"], profile["cpu_seconds_per_trial"]
    total = sum(seconds.values())
    peak, trials = profile["peak_memory_bytes"], profile["trials"]
    lines = [f"CPU of driver and children, trials: {trials}", f"  {'stage':<8}{'s':>10}{'%':>8}{'ms/trial':>12}"]
    for name, value in [*seconds.items(), ("total", total)]:
        one = total / trials if name == "total" and trials else each.get(name)
        shown = "-" if one is None else f"{1e3 * one:.2f}"
        lines.append(f"  {name:<8}{value:>10.3f}{100 * value / total:>8.1f}{shown:>12}")
    return lines if peak is None else [*lines, f"Peak memory of a program: {peak / 2**20:,.1f} MiB"]


def _best(best: Best, members: int) -> list[str]:
    of = f" (of {members} on the Pareto front, the best by the first objective)" if members > 1 else ""
    attrs = best.attrs
    final = f"test_{shown_score(attrs)}"
    lines = [f"Best network: trial {best.number}{of}"]
    lines += _rows("parameters", {name: setting(best.params, name) for name in best.params})
    lines += _rows("objectives", values_of(best))
    if broken := {f"[{name}]": by for name, by in attrs.get("constraints", {}).items() if by > 0}:
        lines += _rows("breaks constraints, as every complete trial does, by", broken)
    names = ("accuracy", "loss", "prequential_accuracy", "prequential_loss")
    scores = {name: attrs[name] for name in names if attrs[name] is not None}
    lines += _rows("scores", {**scores, final: "after the last trial" if attrs[final] is None else attrs[final]})
    lines += _rows("costs per sample", {name: attrs[name] for name in PER_SAMPLE if attrs.get(name) is not None})
    more = {name: attrs[name] for name in ("memory_bits", "settling_time_ms") if attrs.get(name) is not None}
    return lines + (_rows("network", more) if more else [])


def values_of(best: Best) -> dict[str, str]:
    """Objectives, each with its standard deviation over replicates if there are several."""
    spread = best.attrs.get("spread") or [None] * len(best.values)
    shown = zip(best.values.items(), spread, strict=False)
    return {name: number(value) + ("" if by is None else f" ± {number(by)}") for (name, value), by in shown}


def shown_score(attrs: dict[str, Any]) -> str:
    """Return the name of the score that networks are compared by: a task without labels has no accuracy."""
    return "loss" if attrs["accuracy"] is None and attrs["loss"] is not None else "accuracy"


def _rows(title: str, values: dict[str, Any]) -> list[str]:
    return [f"  {title}: " + (", ".join(f"{name} = {number(value)}" for name, value in values.items()) or "none")]
