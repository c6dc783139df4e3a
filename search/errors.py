"""What can be wrong with a study, for the user."""

from __future__ import annotations

from collections.abc import Iterable

from snn.errors import SNNError


class StudyError(SNNError):
    """Something is wrong with a study, its script or its storage.

    Parameters
    ----------
    problems : str or iterable of str
        Every problem found, each one sentence. All of them are reported at once.
    """

    def __init__(self, problems: str | Iterable[str]):
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))
