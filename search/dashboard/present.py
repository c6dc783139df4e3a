"""Figures and a note for one of the best trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.analysis.trials import objective_names
from search.dashboard.images import attach_images, save_note
from search.dashboard.note import markdown
from search.spec.command_line import place
from search.spec.spec import Plan
from search.storage.attributes import IMAGES
from search.storage.record import Record

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.results.result import Result


def present(
    plan: Plan, study: optuna.Study, trial: FrozenTrial, result: Result, final: dict[str, Any] | None
) -> list[str]:
    """Attach figures to a trial, unless it has some, and write its note.

    Parameters
    ----------
    plan : Plan
        The settings of the search.
    study : optuna.Study
        The study that the trial belongs to.
    trial : FrozenTrial
        One of its best trials.
    result : Result
        The result of its first replicate, with recorded spikes.
    final : dict or None
        Its scores on the test part. None before the search is over.

    Returns
    -------
    list of str
        Lines for the user.
    """
    images = study.user_attrs.get(f"{IMAGES}{trial.number}")
    said = []
    if images is None:
        try:
            images = attach_images(study, trial, result, plan.location)
        except OSError as error:
            images, said = {}, [f"images of trial {trial.number} cannot be kept: {error}"]
    text = markdown(trial, objective_names(study), Record(trial).attrs(final), place(plan))
    save_note(study, trial, text, images)
    return said
