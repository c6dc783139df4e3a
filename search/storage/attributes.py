"""The names of all attributes that a search stores in an Optuna study and its trials."""

from __future__ import annotations

# User attributes of a study.
OBJECTIVES, CONSTRAINTS, SEED, SCRIPT = "objectives", "constraints", "seed", "script"
TASK, ENGINE, DATA = "task", "engine", "data"
GIVEN = "given"  # to its last run besides the script: `Plan.given`
CONFIRM = "confirm:"  # user attribute of the study, with the trial's number: seed -> scores
IMAGES = "images:"  # user attribute of the study, with the trial's number: file name -> artifact
WARM = "warm_start"  # of a trial that ran in another study, "name#number" there; of a study: from which it was warmed
FINAL = "final:"  # user attribute of the study, with the trial's number: Optuna closes a trial once it is told
OVER = "over"  # user attribute of the study: how many trials had ended when the best were scored on the test part
ENQUEUED = "enqueued"  # user attribute of the study: parameters that were given to try first
