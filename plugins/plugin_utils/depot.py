# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's own copy of Talos images, from which boot hosts get what they lack. It is laid out like the assets of a boot host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils.common.download import Access
from ..module_utils.common.errors import OmniMatchboxError
from ..module_utils.talos.assets import Plan, Wanted, plan_assets
from ..module_utils.talos.fetching import have_assets
from ..module_utils.talos.lock import LOCK_PATH, STOCK, LockedImage
from ..module_utils.talos.lock_file import lock_of
from ..module_utils.talos.options import ASSETS_SPEC, wanted_images
from ..module_utils.talos.source import Source
from ..module_utils.talos.stock import FILE_NAMES
from .progress import Report


class Depot:
    """``arguments`` are those of the task, ``missing`` the paths that a boot host lacks; only images with one of them are of interest.

    The runs for several hosts are at work at the same time: one fetches, the others wait and find what it has fetched.
    """

    def __init__(self, arguments: dict, missing: set[str]):
        params = ArgumentSpecValidator(ASSETS_SPEC.options).validate(arguments).validated_parameters
        self._arguments = arguments
        self._images = wanted_images(params)
        self._missing = missing
        self._offline = params["offline"]
        self._source = Source(Access.from_params(params))
        images = [{**image, "link": None} for image in self._images if missing & {f"{image['path']}/{name}" for name in FILE_NAMES.values()}]
        self._wanted = Wanted(params["cache_path"], images, params["release_url"], params["schematics"])
        self.warnings: list[str] = []
        self._sizes: dict[str, int | None] = {}

    def look(self) -> None:
        """Find out how large the files are, and fetch nothing."""
        with self._alone():
            self._note(self._plan())

    def fill(self, report: Report) -> None:
        """Have the images here."""
        with self._alone():
            if self._plan().changed:
                plan = have_assets(self._wanted, self._source, check=False, lock_seconds=self._source.access.timeout, tell=report.heard)
                self.warnings = plan.warnings()
                report.finished()
            self._note(plan_assets(self._wanted, self._source))

    @contextlib.contextmanager
    def _alone(self) -> t.Iterator[None]:
        """The folder holds images with join tokens: it is this user's only."""
        os.makedirs(self._wanted.root, mode=0o700, exist_ok=True)
        with open(os.path.join(self._wanted.root, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _plan(self) -> Plan:
        plan = plan_assets(self._wanted, Source(Access(), self._wanted.root) if self._offline else self._source)
        if self._offline and plan.fetches:
            lacking = ", ".join(f"{version} for {architecture}" for version, architecture in _named(plan))
            raise OmniMatchboxError(f"{self._wanted.root} lacks Talos {lacking}, and nothing is to be fetched; export the images of these classes anew")
        return plan

    def _note(self, plan: Plan) -> None:
        """Sizes, from the lock or the source."""
        locked = lock_of(self._wanted.root).images
        for image in self._wanted.images:
            files = locked.get(LockedImage(image["version"], image["architecture"], image.get("key") or STOCK), {})
            self._sizes.update({f"{image['path']}/{name}": file.size for name, file in files.items()})
        self._sizes.update({fetch.file.path: fetch.remote.size for fetch in plan.fetches})

    def arguments(self) -> dict:
        """The task's arguments for the boot host, with the images as they are here."""
        images = [{**image, "sizes": self._sizes_of(image)} for image in self._images]
        return {**{name: value for name, value in self._arguments.items() if name not in ("classes", "ca_path")}, "images": images}

    def _sizes_of(self, image: dict) -> dict[str, int]:
        sizes = {kind: self._sizes.get(f"{image['path']}/{name}") for kind, name in FILE_NAMES.items()}
        return {kind: size for kind, size in sizes.items() if size is not None}

    def files(self) -> t.Iterator[tuple[str, str, dict]]:
        """What to copy: where it is, its path below the assets, and the state of the whole before it is copied."""
        total = sum(self._sizes[path] or 0 for path in self._missing)
        done = 0
        for path in [LOCK_PATH, *sorted(self._missing)]:
            yield os.path.join(self._wanted.root, path), path, {"done": done, "total": total, "part": path}
            done += self._sizes.get(path) or 0


def _named(plan: Plan) -> list[tuple[str, str]]:
    return sorted({(fetch.file.image.version, fetch.file.image.architecture) for fetch in plan.fetches})
