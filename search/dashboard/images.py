"""Images and notes of trials, stored where the dashboard looks for them."""

from __future__ import annotations

import io
import json
import uuid
from functools import partial
from typing import TYPE_CHECKING

from search.report.figures.best_run import draw_curve, draw_raster, draw_weights
from search.report.figures.facts import Undrawable
from search.report.figures.style import paint
from search.storage.attributes import IMAGES
from search.storage.location import Location

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from snn.results.result import Result

DRAWN = {"learning_curve.png": draw_curve, "raster.png": draw_raster, "weights.png": draw_weights}


def attach_images(study: optuna.Study, trial: FrozenTrial, result: Result, location: Location) -> dict[str, str]:
    """Draw learning curve, spikes and weights of a result that recorded spikes; attach them to the trial.

    Returns
    -------
    dict
        File name -> identifier of the artifact. What the result does not have is not drawn.
    """
    from optuna.artifacts import FileSystemArtifactStore

    location.artifacts.mkdir(parents=True, exist_ok=True)
    store = FileSystemArtifactStore(location.artifacts)
    made = {}
    for name, draw in DRAWN.items():
        try:
            png, _ = paint(partial(draw, result), width=7, height=4)
        except Undrawable:
            continue
        identifier = str(uuid.uuid4())
        store.write(identifier, io.BytesIO(png))
        made[name] = identifier
        # Optuna's upload_artifact writes to the trial, which is closed once it is told: this is where the dashboard
        # looks for the files of such a trial.
        meta = {"artifact_id": identifier, "filename": name, "mimetype": "image/png", "encoding": None}
        key = f"dashboard:artifacts:{trial._trial_id}:{identifier}"
        study._storage.set_study_system_attr(study._study_id, key, json.dumps(meta))
    study.set_user_attr(f"{IMAGES}{trial.number}", made)
    return made


def save_note(study: optuna.Study, trial: FrozenTrial, text: str, images: dict[str, str]) -> None:
    """Write the trial's note, in Markdown, with its images."""
    from optuna.trial import Trial
    from optuna_dashboard import save_note
    from optuna_dashboard.artifact import get_artifact_path

    handle = Trial(study, trial._trial_id)
    shown = [f"![{name}]({get_artifact_path(handle, identifier)})" for name, identifier in images.items()]
    title, _, rest = text.partition("\n")
    save_note(handle, "\n\n".join([title, *shown, rest]))
