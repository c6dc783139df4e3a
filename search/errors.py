"""Errors of studies, whose messages are meant for the user."""

from snn.errors import Problems


class StudyError(Problems):
    """Something is wrong with a study, its script or its storage."""


class SpaceChanged(StudyError):
    """A script asks for parameters that the study's earlier trials cannot have had."""


class ExecutorLost(StudyError):
    """The executor is gone, so the search stops. The same command resumes it once the executor is back."""
