# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Talos images in the assets folder of a boot host: what is missing, and fetching it.

Images are immutable: a file that is there is not asked about again, unless a digest is given that it does not have or it is
plainly no such file; then it is fetched anew and replaced only by one that is right. Files are staged in a hidden folder beside
what is served and renamed into place when they are complete, so a killed run leaves nothing but staged files, which the next
run removes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import posixpath
import shutil
import stat
import time
import typing as t

from ..common.disk import sync_folder
from ..common.download import BLOCK, Access, DownloadError, NotFound, read, save, size_of
from ..common.errors import InputError, OmniMatchboxError
from .factory import CHECKSUMS, release_digest, release_files
from .formats import HEAD, image_fault
from .stock import FILE_NAMES

STAGING = ".omni-matchbox-staging"
FILE_MODE = 0o644
MISSING = "is missing"


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """A file that an image wants; ``path`` is relative to the assets, ``sha256`` what was given."""

    path: str
    kind: str
    version: str
    architecture: str
    classes: tuple[str, ...]
    url: str
    checksums: str
    sha256: str | None


@dataclasses.dataclass(frozen=True)
class Fetch:
    """A file to be fetched because of ``fault``; ``size`` in bytes where the source tells it."""

    file: ImageFile
    fault: str
    size: int | None
    verified_by: str

    def describe(self) -> dict:
        """What result and diff say of it."""
        return {
            "path": self.file.path,
            "version": self.file.version,
            "architecture": self.file.architecture,
            "size": self.size,
            "url": self.file.url,
            "verified_by": self.verified_by,
        }


@dataclasses.dataclass(frozen=True)
class Link:
    """A relative link to an image's file, which takes the place of one to ``before``."""

    path: str
    target: str
    before: str | None


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done below ``root``; ``modes`` has the files that are right but for their mode, which may keep machines out."""

    root: str
    fetches: list[Fetch]
    modes: dict[str, int]
    links: list[Link]

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.fetches or self.modes or self.links)

    def files(self) -> list[dict]:
        """The files that are fetched, in order."""
        return [fetch.describe() for fetch in self.fetches]

    def diff(self) -> dict:
        """Every file and link that is written, before and after."""
        before = {fetch.file.path: fetch.fault for fetch in self.fetches if fetch.fault != MISSING}
        before.update({path: f"mode {mode:04o}" for path, mode in self.modes.items()})
        before.update({link.path: f"link to {link.before}" for link in self.links if link.before})
        after: dict[str, t.Any] = {fetch.file.path: fetch.describe() for fetch in self.fetches}
        after.update(dict.fromkeys(self.modes, f"mode {FILE_MODE:04o}"))
        after.update({link.path: f"link to {link.target}" for link in self.links})
        return {"before_header": self.root, "after_header": self.root, "before": before, "after": after}

    def warnings(self) -> list[str]:
        """What is done as asked and is worth knowing."""
        unproven = [fetch.file.path for fetch in self.fetches if fetch.verified_by == "format"]
        switched = sorted({posixpath.dirname(link.path) for link in self.links if link.before})
        warnings = [f"{folder}: its links change one after the other; a machine that boots meanwhile may get files of two versions" for folder in switched]
        if unproven:
            warnings.append(f"the source has no {CHECKSUMS}, only length and format were checked: {', '.join(unproven)}; give their sha256")
        return warnings


def plan_assets(root: str, images: list[dict], release_url: str, access: Access) -> Plan:
    """What ``images`` (see :func:`~.stock.stock_images`) lack below ``root``. Asks only about missing files, and only by HEAD.

    Raises :class:`InputError` for an image that does not exist and for a path where something else lies,
    :class:`OmniMatchboxError` when the disk is too small.
    """
    if not os.path.isabs(root):
        raise InputError(f"assets_path: {root} must be an absolute path")
    files = _wanted_files(images, release_url)
    faults = {file: _fault(root, file) for file in files}
    has_checksums: dict[str, bool] = {}
    fetches = [_plan_fetch(file, fault, has_checksums, access) for file, fault in faults.items() if fault]
    modes = {file.path: _mode(root, file) for file, fault in faults.items() if not fault}
    links = _plan_links(root, images, {file.path for file in files})
    _check_space(root, fetches)
    return Plan(root, fetches, {path: mode for path, mode in modes.items() if mode != FILE_MODE}, links)


def apply_assets(plan: Plan, access: Access) -> None:
    """Do what the plan says, and remove what a killed run left; a failure leaves whole files only."""
    if not plan.changed and not os.path.exists(os.path.join(plan.root, STAGING)):
        return
    checksums: dict[str, str] = {}
    with _disk_errors(plan.root), _staging(plan.root, access.timeout) as staging:
        for fetch in plan.fetches:
            staged = os.path.join(staging, fetch.file.path.replace("/", "_"))
            _fetch(fetch, staged, checksums, access)
            _move(staged, os.path.join(plan.root, fetch.file.path))
        for path in plan.modes:
            os.chmod(os.path.join(plan.root, path), FILE_MODE)
        for number, link in enumerate(plan.links):
            staged = os.path.join(staging, f"link{number}")
            os.symlink(link.target, staged)
            _move(staged, os.path.join(plan.root, link.path))


def _wanted_files(images: list[dict], release_url: str) -> list[ImageFile]:
    """The files of all images, each once."""
    files: dict[str, ImageFile] = {}
    for image in images:
        urls = release_files(release_url, image["version"], image["architecture"])
        for kind, name in FILE_NAMES.items():
            file = ImageFile(
                path=f"{image['path']}/{name}",
                kind=kind,
                version=image["version"],
                architecture=image["architecture"],
                classes=tuple(image["classes"]),
                url=urls[kind],
                checksums=urls["checksums"],
                sha256=image["sha256"].get(kind),
            )
            other = files.setdefault(file.path, file)
            if (other.url, other.sha256) != (file.url, file.sha256):
                raise InputError(f"images: {file.path} is wanted as {other.url} and as {file.url}, or with two digests; give them paths of their own")
    return list(files.values())


def _fault(root: str, file: ImageFile) -> str | None:
    """Why the file must be fetched, :data:`MISSING` or what is wrong with the one that is there; ``None`` if nothing is."""
    path = os.path.join(root, file.path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path} is no regular file; move it away, an image belongs there")
        with open(path, "rb") as present:
            fault = image_fault(file.kind, file.architecture, present.read(HEAD))
            if fault is None and file.sha256:
                present.seek(0)
                found = _sha256(present)
                fault = None if found == file.sha256 else f"has the sha256 {found}, not {file.sha256}"
            return fault
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        raise OmniMatchboxError(f"{path} cannot be read: {error.strerror}") from None


def _sha256(stream: t.BinaryIO) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: stream.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()


def _mode(root: str, file: ImageFile) -> int:
    return stat.S_IMODE(os.stat(os.path.join(root, file.path)).st_mode)


def _plan_fetch(file: ImageFile, fault: str, has_checksums: dict[str, bool], access: Access) -> Fetch:
    """Ask the source about a file, and about the checksums of its release once for all of its files."""
    try:
        size = size_of(file.url, access)
    except NotFound:
        wanted_by = f" (class {', '.join(file.classes)})" if file.classes else ""
        raise InputError(
            f"Talos {file.version} for {file.architecture}{wanted_by} is not there: {file.url} does not exist;"
            " correct the version, or release_url if it is a mirror that lacks it"
        ) from None
    if file.sha256:
        return Fetch(file, fault, size, "sha256")
    if file.checksums not in has_checksums:
        has_checksums[file.checksums] = _exists(file.checksums, access)
    return Fetch(file, fault, size, CHECKSUMS if has_checksums[file.checksums] else "format")


def _exists(url: str, access: Access) -> bool:
    try:
        size_of(url, access)
    except NotFound:
        return False
    return True


def _plan_links(root: str, images: list[dict], files: set[str]) -> list[Link]:
    targets: dict[str, str] = {}
    for image in images:
        for name in FILE_NAMES.values() if image["link"] else ():
            path = f"{image['link']}/{name}"
            target = posixpath.relpath(f"{image['path']}/{name}", image["link"])
            if path in files or targets.setdefault(path, target) != target:
                raise InputError(f"images: {path} is wanted twice, as a link to {target} and as something else; give them paths of their own")
    links = [Link(path, target, _link_target(root, path)) for path, target in targets.items()]
    return [link for link in links if link.before != link.target]


def _link_target(root: str, path: str) -> str | None:
    """Where the link leads that is at ``path`` now, if any."""
    place = os.path.join(root, path)
    if os.path.lexists(place) and not os.path.islink(place):
        raise InputError(f"{place} is no link but was put there by somebody; move it away, a link to the wanted version belongs there")
    return os.readlink(place) if os.path.islink(place) else None


def _check_space(root: str, fetches: list[Fetch]) -> None:
    """Raise before anything is fetched that does not fit; what a killed run left staged counts as free, it is removed first."""
    place = root
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    with contextlib.suppress(FileNotFoundError), os.scandir(os.path.join(root, STAGING)) as left:
        free += sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in left)
    needed = sum(fetch.size or 0 for fetch in fetches)
    if needed > free:
        raise OmniMatchboxError(f"{root}: the images need {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free; make room or choose another assets_path")


@contextlib.contextmanager
def _staging(root: str, seconds: float) -> t.Iterator[str]:
    """An empty folder of this run only, on the file system of ``root`` and under a name that is not served.

    Another run may be at work for ``seconds``: one whose controller was killed goes on until it notices.
    """
    umask = os.umask(0o022)
    try:
        os.makedirs(root, exist_ok=True)
        lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _wait_for_lock(lock, seconds)
            staging = os.path.join(root, STAGING)
            shutil.rmtree(staging, ignore_errors=True)
            os.mkdir(staging, 0o700)
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        finally:
            os.close(lock)
    finally:
        os.umask(umask)


def _wait_for_lock(handle: int, seconds: float) -> None:
    """BlockingIOError if it is still taken after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.1)


@contextlib.contextmanager
def _disk_errors(root: str) -> t.Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise OmniMatchboxError(f"{root}: another run is fetching images into it; wait until it is done, then run again") from None
    except OSError as error:
        room = "; make room or choose another assets_path" if error.errno == errno.ENOSPC else ""
        raise OmniMatchboxError(f"{error.filename or root} cannot be written: {error.strerror}{room}") from None


def _fetch(fetch: Fetch, staged: str, checksums: dict[str, str], access: Access) -> None:
    """Fetch into ``staged`` and prove that it is what was asked for."""
    file = fetch.file
    received = save(file.url, staged, access)
    with open(staged, "rb") as content:
        fault = image_fault(file.kind, file.architecture, content.read(HEAD))
    if fault:
        raise DownloadError(f"what {file.url} sends {fault}; check release_url")
    if fetch.size is not None and received.size != fetch.size:
        raise DownloadError(f"{file.url} sent {received.size} bytes after promising {fetch.size}; run again")
    expected = file.sha256
    if fetch.verified_by == CHECKSUMS:
        if file.checksums not in checksums:
            checksums[file.checksums] = read(file.checksums, access).decode(errors="replace")
        expected = release_digest(checksums[file.checksums], posixpath.basename(file.url))
        if expected is None:
            raise DownloadError(f"{file.checksums} does not list {posixpath.basename(file.url)}; check release_url or give its sha256")
    if expected not in (None, received.sha256):
        raise DownloadError(f"{file.url} was damaged or replaced: its sha256 is {received.sha256}, expected {expected} ({fetch.verified_by})")


def _move(staged: str, place: str) -> None:
    """Rename into place; folder entries are on disk when this returns, those of new folders too."""
    folder = os.path.dirname(place)
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for new in reversed(missing):
        os.mkdir(new)
        sync_folder(os.path.dirname(new))
    if not os.path.islink(staged):
        os.chmod(staged, FILE_MODE)
    os.replace(staged, place)
    sync_folder(os.path.dirname(place))
