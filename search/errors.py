"""What can be wrong with a study, for the user."""

from snn.errors import Problems


class StudyError(Problems):
    """Something is wrong with a study, its script or its storage."""
