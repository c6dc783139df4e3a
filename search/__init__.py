"""Searches for networks: `Study`, and `Objective` for objectives of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.spec.objectives import Objective
    from search.study import Study

__all__ = ["Objective", "Study"]


def __getattr__(name: str) -> Any:
    # Optuna and Brian2 take seconds to import; `snnsearch --help` must not wait for them.
    if name not in __all__:
        raise AttributeError(f"module 'search' has no attribute {name!r}")
    from search.spec.shadowing import refuse_shadowing

    refuse_shadowing()
    if name == "Objective":
        from search.spec.objectives import Objective

        return Objective
    from search.study import Study

    return Study
