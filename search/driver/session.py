"""The objects that the parts of a driver share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.driver.ledger import Ledger
from search.driver.progress import Progress
from search.driver.ranking import Ranking
from search.execution.queue import Jobs
from search.execution.stop import Stop
from search.execution.usercalls import UserCalls
from search.spec.spec import Plan
from search.storage.checkpoints import States

if TYPE_CHECKING:
    import optuna

    from snn.profile import Profile


@dataclass(frozen=True)
class Session:
    """One start of a search.

    Parameters
    ----------
    plan : Plan
        The settings. The user's objectives and constraints are called through `calls`.
    study : optuna.Study
        The study in its storage.
    jobs : Jobs
        The runs that were submitted.
    calls : UserCalls
        Calls the user's functions.
    states : States
        The partial results of running trials.
    ledger : Ledger
        Writes trials to the storage.
    ranking : Ranking
        The pruner, and the scores that it has seen.
    progress : Progress
        Shows the search on standard error.
    stop : Stop
        Whether the search must stop before its end.
    profile : Profile, optional
        Counts the CPU time of the driver.
    """

    plan: Plan
    study: optuna.Study
    jobs: Jobs
    calls: UserCalls
    states: States
    ledger: Ledger
    ranking: Ranking
    progress: Progress
    stop: Stop
    profile: Profile | None = None
