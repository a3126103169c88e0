"""Figures: their names, goals and values, the table that people read and the file that programs read."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured value: the median of ``runs``, each in ``unit``; ``goal`` is what we want it to be, in words."""

    name: str
    unit: str
    runs: list[float]
    goal: str = ""

    @property
    def value(self) -> float:
        """The median of the runs."""
        return statistics.median(self.runs)

    @property
    def row(self) -> str:
        """The figure as a line of the table, with the smallest and the greatest run."""
        spread = f"{min(self.runs):.3g} … {max(self.runs):.3g}" if len(self.runs) > 1 else ""
        return f"{self.name:32} {self.value:10.3g} {self.unit:8} {len(self.runs):3} runs  {spread:20} {self.goal}"


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    """Pair by pair: what ran side by side is compared with each other, not with a mean."""
    return [mine / other for mine, other in zip(ours, theirs)]


def write(figures: list[Figure], path: pathlib.Path) -> None:
    """``{"figures": {name: {"value", "unit", "runs"}}}``, beside the figures that were measured before and not now."""
    known = json.loads(path.read_text())["figures"] if path.exists() else {}
    known.update({figure.name: {"value": figure.value, "unit": figure.unit, "runs": figure.runs} for figure in figures})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": known}, indent=2) + "\n")
