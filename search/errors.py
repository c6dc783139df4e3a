"""Errors of studies, whose messages are meant for the user."""

from snn.errors import Problems


class StudyError(Problems):
    """Something is wrong with a study, its script or its storage."""


class SpaceChanged(StudyError):
    """A script asks for parameters that the study's earlier trials cannot have had."""


class ExecutorLost(StudyError):
    """What runs jobs is gone, so the search cannot go on; what ran is taken up again when it is back."""
