"""The importance of each parameter for the objectives."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from search.report.figures.facts import Facts, Undrawable
from search.report.figures.style import BLUE, shorten, thin, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna.trial import FrozenTrial

LEAST = 16  # complete trials; with fewer, "the best ones" are hardly more than one
SAMPLE = 4000  # trials that are looked at
SHOWN = 16


def importances(facts: Facts) -> list[dict[str, float]]:
    """Share of each parameter in each objective, from Optuna's PED-ANOVA; none where no parameter decides.

    Notes
    -----
    It compares the values of each parameter among the best trials with those among all, which also serves conditional
    parameters. The best are a tenth of the trials, but at least four.

    Raises
    ------
    Undrawable
        If there are too few trials or no parameters.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    known = thin([trial for trial in facts.complete if trial.params], SAMPLE)
    if len(known) < LEAST:
        raise Undrawable(f"Importances need at least {LEAST} complete trials with parameters; there are {len(known)}.")
    copy = optuna.create_study(directions=["minimize"] * len(facts.axes))
    copy.add_trials([_plain(trial, [axis.sign for axis in facts.axes]) for trial in known])
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, 4 / len(known)))
    shares: list[dict[str, float]] = []
    for place in range(len(facts.axes)):
        if np.ptp(facts.values[:, place]) == 0:
            shares.append({})  # a constant has no causes
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "low values are taken for good": they are, see _plain
            target = partial(_value, place)
            found = get_param_importances(copy, evaluator=evaluator, target=target, normalize=False)
        total = sum(found.values())  # 0 if nothing tells the best apart, which Optuna would call equal shares
        shares.append({name: value / total for name, value in found.items()} if total > 0 else {})
    if not any(shares):
        raise Undrawable("No parameter decides: all complete trials have the same values, or the same parameters.")
    return shares


def _value(place: int, trial: FrozenTrial) -> float:
    assert trial.values is not None
    return trial.values[place]


def _plain(trial: FrozenTrial, signs: list[int]) -> FrozenTrial:
    """The trial with parameters and values (to be small) only: in memory, and quickly copied."""
    from optuna.trial import create_trial

    values = [sign * value for sign, value in zip(signs, trial.values or [], strict=True)]
    return create_trial(params=trial.params, distributions=trial.distributions, values=values)


def draw(facts: Facts, figure: Figure) -> str:
    """Bars for each objective; the sentence below them."""
    facts.need_complete()
    shares = importances(facts)
    names = order(shares)
    shown = names[:SHOWN]
    figure.set_figheight(0.9 + 0.27 * len(shown))
    panels = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
    for axis, share, axes in zip(facts.axes, shares, panels, strict=True):
        widths = [100 * share.get(name, 0.0) for name in shown]
        axes.barh(range(len(shown)), widths, color=BLUE, height=0.65)
        axes.set(xlabel="importance (%)", xlim=(0, max(10.0, 1.05 * max(widths))))
        axes.set_title(wrap(axis.words, 100 // len(shares)))
        axes.tick_params(axis="y", length=0)
        if not share:
            axes.text(0.5, 0.5, "none decides", transform=axes.transAxes, ha="center", va="center", color="0.4")
    panels[0].set_yticks(range(len(shown)), [shorten(name) for name in shown])
    panels[0].invert_yaxis()
    words = (
        "Optuna's PED-ANOVA: how far the values of a parameter among the best tenth of the trials (at least four) "
        "differ from those among all; the shares of an objective add up to 100 %."
    )
    if len(facts.complete) < 4 * LEAST:
        words += f" From {len(facts.complete)} trials these are rough."
    return words + (f" {len(shown)} of {len(names)} parameters are shown." if len(names) > SHOWN else "")


def order(shares: list[dict[str, float]]) -> list[str]:
    """All parameters, the most important over all objectives first."""
    total: dict[str, float] = {}
    for share in shares:
        for name, value in share.items():
            total[name] = total.get(name, 0.0) + value
    return sorted(total, key=lambda name: (-total[name], name))
