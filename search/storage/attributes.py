"""The names of all attributes that a search stores in an Optuna study and its trials."""

from __future__ import annotations

# User attributes of a study.
IDENTIFIER = "identifier"  # marks the files beside the study as its own
OBJECTIVES, CONSTRAINTS, SCRIPT, TASK, ENGINE, DATA = "objectives", "constraints", "script", "task", "engine", "data"
GIVEN = "given"  # the settings that its last start was given besides the script: `Plan.given`
ENQUEUED = "enqueued"  # the parameters that were given to try first
OVER = "over"  # the number of trials that had ended when the best were scored on the test part
FINAL = "final:"  # and a trial's number: its scores on the test part, because Optuna closes a trial that has ended
CONFIRM = "confirm:"  # and a trial's number: seed -> scores
IMAGES = "images:"  # and a trial's number: file name -> artifact

# User attributes of a study and of its trials.
SEED = "seed"
WARM = "warm_start"  # of a study: the studies that it was warmed from; of a trial: "name#number" in another study

# User attributes of a trial. They are few, because each is one write that waits for the disk.
NETWORK, ORIGIN, RESULT, REASON = "network", "origin", "result", "reason"
REPAIRED = "repaired"  # the loss of a trial in a damaged journal

# System attributes of a trial.
CALL = "snnsearch:call"  # the call that made it
