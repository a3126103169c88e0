# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Talos images in the assets folder of a boot host: what is to be done so that they are as wanted.

Images are immutable: a file that is there is not asked about again, unless a digest is given that it does not have or it is
plainly no such file; then it is fetched anew and replaced only by one that is right. What a file is was found out when it came
and is kept in the lock file, so whatever comes under the same name later must be the same.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import posixpath
import typing as t

from ..common.download import Remote
from ..common.errors import InputError, OmniMatchboxError
from .factory import CHECKSUMS
from .files import ImageFile, wanted_files
from .links import Link, plan_links
from .lock import LOCK_PATH, Lock, LockedFile, LockedImage
from .lock_file import lock_of
from .look import MISSING, Look, look_at
from .present import UnknownReference, image_files, removable_images
from .prune import image_folder
from .source import FORMAT, WORKERS, Source
from .staging import STAGING, staged_name, staged_sizes


@dataclasses.dataclass(frozen=True)
class Keep:
    """What is not pruned besides what is in use: the newest ``versions``. The rest is as in :func:`.present.removable_images`."""

    versions: int
    data_path: str
    rewritten: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be below ``root``.

    ``images`` are those of :func:`.files.image_to_have` or :func:`.stock.stock_images`, ``schematics`` the ids by image key, ``versions`` what
    loosely named versions mean (``None``: as before), ``group`` who may read what the Image Factory made. With ``verify`` all files are read. With
    ``only_prune`` the images need not be there: they only do not go.
    """

    root: str
    images: list[dict]
    release_url: str
    schematics: dict[str, str] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] | None = None
    group: int | None = None
    verify: bool = False
    keep: Keep | None = None
    only_prune: bool = False


@dataclasses.dataclass(frozen=True)
class Fetch:
    """A file to be fetched because of ``fault``, and what will prove it; ``locked`` is what the lock says."""

    file: ImageFile
    fault: str
    remote: Remote
    proof: str
    locked: LockedFile | None

    def describe(self) -> dict:
        """What result and diff say of it."""
        return {
            "path": self.file.path,
            "version": self.file.image.version,
            "architecture": self.file.image.architecture,
            "size": self.remote.size,
            "url": self.file.shown_url,
            "verified_by": self.proof,
        }


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done below ``root``.

    ``modes`` has the files whose mode or group is wrong, with those that they have; ``adopted`` those that were there and unknown; ``removals`` the
    images that go and the bytes that they take; ``leftovers`` what earlier runs staged that is of no use; ``before`` is the lock.
    """

    root: str
    fetches: list[Fetch]
    modes: dict[ImageFile, str]
    links: list[Link]
    adopted: dict[ImageFile, LockedFile]
    removals: dict[LockedImage, int]
    leftovers: dict[str, int]
    before: Lock
    versions: dict[str, str]
    notes: list[str]

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.fetches or self.modes or self.links or self.adopted or self.removals or self.leftovers or self.versions != self.before.versions)

    def files(self) -> list[dict]:
        """The files that are fetched, in order."""
        return [fetch.describe() for fetch in self.fetches]

    def removed(self) -> list[str]:
        """The folders of the images that go."""
        return [image_folder(image) for image in self.removals]

    def diff(self) -> dict:
        """Every file and link that is written or removed, and what is new in the lock, before and after."""
        before: dict[str, t.Any] = {fetch.file.path: fetch.fault for fetch in self.fetches if fetch.fault != MISSING}
        before.update({file.path: mode for file, mode in self.modes.items()})
        before.update({link.path: f"link to {link.before}" for link in self.links if link.before})
        before.update({image_folder(image): f"{size} bytes, in use nowhere" for image, size in self.removals.items()})
        after: dict[str, t.Any] = {fetch.file.path: fetch.describe() for fetch in self.fetches}
        after.update({file.path: f"mode {file.mode:04o}" for file in self.modes})
        after.update({link.path: f"link to {link.target}" for link in self.links})
        if self.leftovers:
            before[STAGING] = f"{sum(self.leftovers.values())} bytes of downloads that are no longer wanted"
        if self.versions != self.before.versions:
            before[LOCK_PATH], after[LOCK_PATH] = {"versions": self.before.versions}, {"versions": self.versions}
        noted: dict[str, t.Any] = {file.path: dataclasses.asdict(known) for file, known in self.adopted.items()}
        noted.update({fetch.file.path: "size and sha256 of what comes" for fetch in self.fetches})
        if noted:
            after[LOCK_PATH] = {**after.get(LOCK_PATH, {}), **noted}
        return {"before_header": self.root, "after_header": self.root, "before": before, "after": after}

    def warnings(self) -> list[str]:
        """What is done as asked and is worth knowing."""
        unproven = [fetch.file.path for fetch in self.fetches if fetch.proof == FORMAT]
        switched = sorted({posixpath.dirname(link.path) for link in self.links if link.before})
        warnings = [f"{folder}: its links change one after the other; a machine that boots meanwhile may get files of two versions" for folder in switched]
        if unproven:
            warnings.append(
                f"the source has no {CHECKSUMS}, only length and format were checked: {', '.join(unproven)};"
                f" what comes now is trusted from now on ({LOCK_PATH}), unless you give their sha256"
            )
        return warnings + self.notes


def plan_assets(wanted: Wanted, source: Source) -> Plan:
    """What is to be done. Asks only about missing files, and only by HEAD.

    Raises :class:`InputError` for an image that does not exist and for a path where something else lies,
    :class:`OmniMatchboxError` when the disk is too small.
    """
    root = wanted.root
    if not os.path.isabs(root):
        raise InputError(f"assets_path: {root} must be an absolute path")
    images = [] if wanted.only_prune else wanted.images
    files = wanted_files(images, wanted.release_url, wanted.schematics)
    lock = lock_of(root)
    looks = _looks(root, files, lock, wanted.verify)
    links = plan_links(root, images, {file.path for file in files})
    fetches = _plan_fetches(looks, lock, source)
    removals, notes = _plan_removals(wanted)
    leftovers = {} if wanted.only_prune else _check_space(root, fetches, source)
    return Plan(
        root,
        fetches,
        modes={file: mode for file, look in looks.items() if look.status and (mode := _wrong_mode(file, look.status, wanted.group))},
        links=links,
        adopted={file: look.known for file, look in looks.items() if look.known and look.known != file.locked(lock.images)},
        removals=removals,
        leftovers=leftovers,
        before=lock,
        versions=lock.versions if wanted.versions is None else wanted.versions,
        notes=notes,
    )


def _looks(root: str, files: list[ImageFile], lock: Lock, verify: bool) -> dict[ImageFile, Look]:
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(files, pool.map(lambda file: look_at(root, file, file.locked(lock.images), verify), files)))


def _plan_fetches(looks: dict[ImageFile, Look], lock: Lock, source: Source) -> list[Fetch]:
    missing = [(file, look.fault, file.locked(lock.images)) for file, look in looks.items() if look.fault]
    source.ask([(file, locked) for file, _fault, locked in missing])
    return [Fetch(file, fault, source.remote(file), source.proof(file, locked), locked) for file, fault, locked in missing]


def _wrong_mode(file: ImageFile, status: os.stat_result, group: int | None) -> str:
    """The mode and group of a file that has not those it should have; empty if it has."""
    mode = status.st_mode & 0o7777
    wrong_group = file.mode & 0o004 == 0 and group not in (None, status.st_gid)
    return f"mode {mode:04o}" + (f", group {status.st_gid}" if wrong_group else "") if mode != file.mode or wrong_group else ""


def _plan_removals(wanted: Wanted) -> tuple[dict[LockedImage, int], list[str]]:
    """The images that go, with their bytes, and why none can."""
    if wanted.keep is None:
        return {}, []
    folders = {image["path"]: image["version"] for image in wanted.images}
    try:
        images = removable_images(wanted.root, wanted.keep.data_path, folders, wanted.keep.versions, wanted.keep.rewritten)
    except UnknownReference as error:
        return {}, [f"{error}; no image is removed"]
    except OSError as error:
        raise OmniMatchboxError(f"{error.filename} cannot be read: {error.strerror}; no image is removed") from None
    return {image: sum(os.path.getsize(path) for path in image_files(wanted.root, image) if os.path.isfile(path)) for image in images}, []


def _check_space(root: str, fetches: list[Fetch], source: Source) -> dict[str, int]:
    """Raise before anything is fetched that does not fit; what earlier runs left and is of no use. That counts as free, it is removed first."""
    left = staged_sizes(root)
    useful = {staged_name(source.url(fetch.file), fetch.remote) for fetch in fetches}
    leftovers = {name: size for name, size in left.items() if name not in useful}
    place = root
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize + sum(left.values())
    needed = sum(fetch.remote.size or 0 for fetch in fetches)
    if needed > free:
        raise OmniMatchboxError(f"{root}: the images need {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free; make room or choose another assets_path")
    return leftovers
