# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``/metrics`` tells, for Prometheus: what was answered, and the state of the index."""

from __future__ import annotations

import functools
import typing as t

from http_answer import Answer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily

PREFIX = "omni_matchbox_engine_"
GAUGES = {
    "groups": "Groups that machines are looked up in.",
    "profiles": "Profiles that groups may name.",
    "broken_files": "Files that cannot be read; what they held before counts.",
    "index_seconds": "How long it took to read what had changed the last time.",
    "loaded_timestamp_seconds": "When that was.",
}


class Metrics:
    """Counts answers. ``figures`` tells the gauges that there are, by the names in ``GAUGES``."""

    def __init__(self, figures: t.Callable[[], dict[str, float]]) -> None:
        self._figures = figures
        self._registry = CollectorRegistry()
        requests = Counter(f"{PREFIX}requests", "Requests that were answered.", ["page", "status"], registry=self._registry)
        self._counter = functools.lru_cache(maxsize=None)(requests.labels)
        self._registry.register(self)

    def count(self, page: str, status: int) -> None:
        """One more answer of ``page`` with this status."""
        self._counter(page, status).inc()

    def collect(self) -> t.Iterator[GaugeMetricFamily]:
        """The gauges, as the registry asks for them."""
        for name, value in self._figures().items():
            yield GaugeMetricFamily(PREFIX + name, GAUGES[name], value)

    def answer(self) -> Answer:
        """The page."""
        return Answer(200, generate_latest(self._registry), CONTENT_TYPE_LATEST)
