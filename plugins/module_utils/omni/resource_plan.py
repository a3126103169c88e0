# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of Omni's resources as it is and as it should be, and doing what lies between the two."""

from __future__ import annotations

import dataclasses
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .client import OmniClient
from .redaction import is_secret_id, redacted
from .resources import create_resource, default_namespace, delete_resource, find_resource, modify_resource
from .values import check_enumerations, fulfils, merged, same, without_nulls
from .watch import Watch, wait_until

_GLANCE = 5.0
"""Seconds without an event after which the clock is looked at, for whoever waits."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is wanted of a resource; what is ``None`` stays as it is. With ``replace``, what is not named is taken away."""

    resource_type: str
    namespace: str
    resource_id: str = dataclasses.field(repr=False)
    present: bool = True
    labels: dict | None = None
    annotations: dict | None = None
    spec: dict | None = None
    replace: bool = False
    version: int | None = None

    @classmethod
    def from_params(cls, params: dict, client: OmniClient) -> Wish:
        """Out of a module's parameters; Omni is asked for the namespace if none is given."""
        return cls(
            params["type"],
            params["namespace"] or default_namespace(client, params["type"]),
            params["id"],
            params["state"] == "present",
            _texts(params["labels"]),
            _texts(params["annotations"]),
            params["spec"],
            params["update"] == "replace",
            params["version"],
        )

    def __str__(self) -> str:
        shown = "" if is_secret_id(self.resource_type) else f" {self.resource_id}"
        return f"{self.resource_type}{shown} in namespace {self.namespace}"

    def applied(self, found: dict | None) -> dict:
        """The resource as it should be, given as it is."""
        pointer = {"namespace": self.namespace, "type": self.resource_type, "id": self.resource_id}
        metadata = dict(found["metadata"]) if found else dict(pointer)
        for part, wanted in (("labels", self.labels), ("annotations", self.annotations)):
            if wanted is not None:
                metadata[part] = self._combined(metadata.get(part, {}), wanted)
        spec = found["spec"] if found else {}
        return {"metadata": metadata, "spec": spec if self.spec is None else self._combined(spec, self.spec)}

    def _combined(self, has: dict, wanted: dict) -> dict:
        return without_nulls(wanted) if self.replace else merged(has, wanted)


@dataclasses.dataclass(frozen=True)
class ResourcePlan:
    """A resource before and after; ``None`` is no resource."""

    before: dict | None
    after: dict | None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return _view(self.before) != _view(self.after)

    def diff(self) -> dict:
        """Before and after, without secrets."""
        return {"before": _view(self.before), "after": _view(self.after)}


def plan_resource(client: OmniClient, wish: Wish) -> ResourcePlan:
    """What is to be done. Raises :class:`InputError` if it must not be."""
    found = find_resource(client, wish.resource_type, wish.resource_id, wish.namespace, secret_id=is_secret_id(wish.resource_type))
    plan = ResourcePlan(found, _wanted(client, wish, found) if wish.present else None)
    if plan.changed:
        _check_version(client, wish, found)
    return plan


def _wanted(client: OmniClient, wish: Wish, found: dict | None) -> dict:
    """The resource as it should be; with the specification as it is written now if that means the same, so that it does not show as a change."""
    wanted = wish.applied(found)
    if not found:
        return wanted
    _check_changeable(client, wish, found)
    return {**wanted, "spec": found["spec"]} if same(found["spec"], wanted["spec"]) else wanted


def apply_resource(client: OmniClient, wish: Wish, plan: ResourcePlan, patience: float) -> None:
    """Do what is planned; a resource that goes is waited for, for ``patience`` seconds."""
    secret_id = is_secret_id(wish.resource_type)
    if plan.after is None:
        delete_resource(client, wish.resource_type, wish.resource_id, wish.namespace, secret_id=secret_id, patience=patience)
    elif plan.before is None:
        create_resource(client, plan.after)
    else:
        modify_resource(client, wish.resource_type, wish.resource_id, lambda current: _again(client, wish, current), wish.namespace, secret_id=secret_id)


def current_resource(client: OmniClient, wish: Wish) -> dict | None:
    """The resource as it is now, without secrets."""
    found = find_resource(client, wish.resource_type, wish.resource_id, wish.namespace, secret_id=is_secret_id(wish.resource_type))
    return redacted(found) if found else None


def _again(client: OmniClient, wish: Wish, current: dict) -> dict:
    """What is wanted of a resource that may have been changed since the plan was made."""
    wanted = wish.applied(current)
    if not same(wanted, current):
        # If nothing is left to do, it was our own write, whose answer was lost, that made another version.
        _check_version(client, wish, current)
    return wanted


def wait_for(client: OmniClient, wish: Wish, condition: dict, resource_type: str | None, patience: float) -> dict:
    """Wait until the specification of the resource, or of that with its id in another type, holds ``condition``; returns that resource."""
    watched = resource_type or wish.resource_type
    namespace = default_namespace(client, watched) if resource_type else wish.namespace
    secret_id = is_secret_id(wish.resource_type)
    watch = Watch(client, watched, namespace, resource_id=wish.resource_id, secret_id=secret_id, silence=min(patience, _GLANCE))
    if not wait_until(watch, lambda state: any(fulfils(resource["spec"], condition) for resource in state.values()), patience):
        seen = [redacted(resource)["spec"] for resource in watch.state.values()]
        lacking = f"it is {seen[0]}" if seen else "there is none"
        raise OmniMatchboxError(f"wait_for: {watched} of {wish} was not as wanted within {patience:g} seconds, {lacking}; run again or raise wait_timeout")
    return watch.state[wish.resource_id]


def _check_version(client: OmniClient, wish: Wish, found: dict | None) -> None:
    if found and wish.version is not None and found["metadata"]["version"] != wish.version:
        raise InputError(f"version: {wish} at {client.endpoint} has version {found['metadata']['version']}, not {wish.version}; look at what changed")


def _check_changeable(client: OmniClient, wish: Wish, found: dict) -> None:
    if found["metadata"].get("phase") == "tearingDown":
        raise InputError(f"state: {wish} at {client.endpoint} is being removed; wait until it is gone, then run again")
    if wish.spec is not None:
        check_enumerations(found["spec"], wish.spec)


def _texts(values: dict | None) -> dict | None:
    """Labels and annotations are texts to Omni, whatever YAML takes them for."""
    if values is None:
        return None
    return {name: value if value is None else str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}


def _view(resource: dict | None) -> dict[str, t.Any]:
    """The part of a resource that people change, without secrets."""
    if resource is None:
        return {}
    shown = redacted(resource)
    parts = {part: shown["metadata"][part] for part in ("labels", "annotations") if shown["metadata"].get(part)}
    return {**parts, "spec": shown["spec"]}
