# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following Omni's resources as they change, over connections that may break.

Omni begins each stream with all resources that there are, and says when it has told all of them. So after a break nothing needs
to be asked for: what changed meanwhile is what differs from what was known.
"""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t

from .client import PAUSES, RESOURCES, OmniClient
from .errors import TimedOutError, UnavailableError, UnreachableError

_CREATED, _UPDATED, _DESTROYED, _BOOTSTRAPPED = 1, 2, 3, 4
_OF_RESOURCES = (_CREATED, _UPDATED, _DESTROYED)

_SILENCE = 60.0
"""Seconds without an event after which the connection is taken for dead. Omni sends nothing to show that it lives."""


@dataclasses.dataclass(frozen=True)
class Change:
    """A resource that is there (``before`` is ``None``), has changed, or is gone (``after`` is ``None``)."""

    before: dict | None
    after: dict | None


class Watch:
    """The resources of a type, or one of them, or those with some labels; iterate over it for their changes.

    :attr:`state` is all that Omni has told of, by id; that is all there are once :attr:`complete` is true.
    Versions never go backwards: of one that was made anew while nobody looked, the old one is said to be gone first.
    """

    def __init__(
        self,
        client: OmniClient,
        resource_type: str,
        namespace: str = "default",
        *,
        resource_id: str = "",
        secret_id: bool = False,
        selector: str = "",
        silence: float = _SILENCE,
    ):
        self.state: dict[str, dict] = {}
        self.complete = False
        self._client = client
        self._body = {"namespace": namespace, "type": resource_type, **({"id": resource_id} if resource_id else {})}
        self._secrets = [resource_id] if secret_id else []
        self._selector = selector
        self._silence = silence
        self._failures = 0

    def __iter__(self) -> t.Iterator[Change | None]:
        """Changes without end, and ``None`` where there is nothing to tell: after silence, or of a connection that brought nothing new.

        Raises what Omni refuses with, and what cuts every connection at its beginning. Then one may iterate again.
        """
        self._failures = 0
        while True:
            try:
                yield from self._stream()
            except TimedOutError as error:
                if not error.sent:
                    raise
                yield None
            except (UnreachableError, UnavailableError) as error:
                if self._failures == len(PAUSES):
                    raise
                self._client.sleep(max(PAUSES[self._failures], error.retry_after))
                self._failures += 1

    def _stream(self) -> t.Iterator[Change | None]:
        """The changes that one connection tells of; first, what has changed since the last one."""
        told: dict[str, dict] | None = {}
        for result in self._client.stream(RESOURCES + "Watch", self._body, selector=self._selector, secrets=self._secrets, patience=self._silence):
            event = result["event"]
            kind = event.get("event_type")
            if kind == _BOOTSTRAPPED and told is not None:
                changes = list(self._catch_up(told))
                told, self._failures, self.complete = None, 0, True
                yield from changes or [None]
            elif kind not in _OF_RESOURCES:
                continue
            elif told is None:
                yield from self._apply(kind, json.loads(event["resource"]))
            else:
                resource = json.loads(event["resource"])
                told[resource["metadata"]["id"]] = resource
        raise UnreachableError(f"Watch of {self._body['type']} at {self._client.endpoint}: Omni ended it; check that it runs")

    def _catch_up(self, told: dict[str, dict]) -> t.Iterator[Change]:
        """Make the state what was told."""
        for resource_id in [known for known in self.state if known not in told]:
            yield self._gone(resource_id)
        for resource_id, resource in told.items():
            known = self.state.get(resource_id)
            if known and (_is_another(known, resource) or _version(resource) < _version(known)):
                yield self._gone(resource_id)
                known = None
            if known != resource:
                yield self._put(resource)

    def _apply(self, kind: int, resource: dict) -> t.Iterator[Change]:
        """One event. What is not newer than what is known was known already."""
        resource_id = resource["metadata"]["id"]
        known = self.state.get(resource_id)
        if kind == _DESTROYED:
            if known:
                yield self._gone(resource_id)
            return
        if known and _is_another(known, resource):
            yield self._gone(resource_id)
            known = None
        if known is None or (known != resource and _version(resource) >= _version(known)):
            yield self._put(resource)

    def _put(self, resource: dict) -> Change:
        before = self.state.get(resource["metadata"]["id"])
        self.state[resource["metadata"]["id"]] = resource
        return Change(before, resource)

    def _gone(self, resource_id: str) -> Change:
        return Change(self.state.pop(resource_id), None)


def wait_until(watch: Watch, fulfilled: t.Callable[[dict], bool], patience: float) -> bool:
    """Follow a watch until what is known of its resources (:attr:`Watch.state`) is as wanted; whether it was within ``patience`` seconds.

    Meanwhile Omni may be away for as long as it likes; raises what it is away with if it still is at the end.
    """
    ends = time.monotonic() + patience
    while True:
        try:
            for _change in watch:
                if watch.complete and fulfilled(watch.state):
                    return True
                if time.monotonic() >= ends:
                    return False
        except (UnreachableError, UnavailableError):
            if time.monotonic() >= ends:
                raise


def _version(resource: dict) -> int:
    return int(resource["metadata"]["version"])


def _is_another(known: dict, resource: dict) -> bool:
    """Whether a resource of the same id was made anew."""
    return known["metadata"]["created"] != resource["metadata"]["created"]
