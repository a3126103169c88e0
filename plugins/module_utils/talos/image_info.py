# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the classes of a site boot: exact versions, images and their digests. Runs on the controller and changes nothing.

Nobody is asked who need not be: exact versions with ``alignment`` off need neither Omni nor the Image Factory.
"""

from __future__ import annotations

import contextlib
import functools
import typing as t

from ..boot.customization import Customization, is_custom
from ..boot.kernel_args import redact
from ..boot.plan import boot_plan
from ..common.errors import InputError
from ..omni.arguments import connect
from ..omni.versions import cluster_versions, supported_versions
from .alignment import too_far, unsupported
from .custom import checked_schematic, contradiction, custom_image, expected_kernel_args, factory_names, own_kernel_args
from .factory import release_files
from .image_factory import ImageFactory, NotAtFactory
from .lock import STOCK, Lock, LockedImage, parse_lock
from .resolve import PINS, Candidates, moves, settled
from .stock import FILE_NAMES, stock_images
from .version import LooseVersion, Version, parse_wanted


class Site:
    """A module's parameters, what the boot hosts know, and those who can be asked. Each is asked once, and only if need be."""

    def __init__(self, params: dict):
        self.params = params
        self.pins = parse_lock(params["pins"] or {}, PINS)
        hosts = {name: facts for name, facts in params["boot_hosts"].items() if _same_site(name, facts, params["endpoint"])}
        self.locks = {name: parse_lock(facts.get("lock") or {}, f"lock file of {name}") for name, facts in hosts.items()}
        self.present = [Version.parse(version) for facts in hosts.values() for version in facts.get("present") or []]

    @functools.cached_property
    def omni(self):
        """A client, or ``None`` without a key."""
        return connect(self.params) if self.params["service_account_key"] else None

    @functools.cached_property
    def factory(self) -> ImageFactory:
        """The client of the Image Factory."""
        return ImageFactory(self.params["factory_url"], ca_path=self.params["factory_ca_path"], validate_certs=self.params["validate_certs"])

    @functools.cached_property
    def supported(self) -> list[Version] | None:
        """What Omni supports; ``None`` if it cannot be asked."""
        return supported_versions(self.omni) if self.omni else None

    @functools.cached_property
    def candidates(self) -> Candidates:
        """What a loosely named version may mean now."""
        ask = self.supported is not None and self.params["factory_url"] and self.params["archived"] is None
        published = self.factory.versions() if ask else None
        return Candidates(self.supported, published, self.present)

    def exact(self, settings: object) -> Version:
        """The version of a class, found out if it is a loose one."""
        if not isinstance(settings, dict) or settings.get("version") is None:
            raise InputError(f"expected settings with a Talos version, such as {{version: v1.11.4}}, got {redact(repr(settings))}")
        wanted = parse_wanted(settings["version"])
        if isinstance(wanted, Version):
            return wanted
        return settled(wanted, self.pins.versions, self.locks, self.params["refresh"]) or self.candidates.newest(wanted)


def image_info(params: dict) -> dict:
    """The module's result. Raises :class:`InputError` that names the class, or the error of Omni or the Image Factory that does not answer."""
    site = Site(params)
    exact: dict[str, Version] = {}
    for name, settings in params["classes"].items():
        with _of_class(name):
            exact[name] = site.exact(settings)
    classes = {name: {**settings, "version": str(exact[name])} for name, settings in params["classes"].items()}
    images = _stock_images(params, classes) + _custom_images(site, classes)
    for image in images:
        image["sha256"] = {**_digests(site, image), **image["sha256"]}
    warnings = _misalignment(site, exact, classes, images)
    if warnings and params["alignment"] == "error":
        raise InputError("; ".join(warnings) + "; or set omni_matchbox_alignment: warn")
    loose = _loose(params["classes"], exact)
    return {
        "changed": False,
        "versions": loose,
        "moved": moves(loose, site.locks),
        "classes": {name: {"version": image["version"], "sha256": image["sha256"]} for image in images for name in image["classes"]},
        "images": images,
        "customizations": _customizations(classes, images),
        "warnings": warnings + _contradictions(classes, images),
    }


@contextlib.contextmanager
def _of_class(name: str) -> t.Iterator[None]:
    """Errors name the class."""
    try:
        yield
    except InputError as error:
        raise InputError(f"class {name}: {error}") from None


def _same_site(name: str, facts: object, endpoint: str | None) -> bool:
    """Whether a boot host of the run has the same Omni; others may well mean other versions."""
    if not isinstance(facts, dict):
        raise InputError(f"boot_hosts: {name}: expected what talos_lock_info tells, got {facts!r}")
    return facts.get("site") in (None, endpoint)


def _loose(classes: dict, exact: dict[str, Version]) -> dict[str, str]:
    """What the loosely named versions mean."""
    wanted = {name: parse_wanted(settings["version"]) for name, settings in classes.items()}
    return {str(version): str(exact[name]) for name, version in wanted.items() if isinstance(version, LooseVersion)}


def _misalignment(site: Site, exact: dict[str, Version], classes: dict, images: list[dict]) -> list[str]:
    """What does not go with Omni and its clusters. Not looked at where it is not wanted or Omni cannot be asked."""
    if site.params["alignment"] == "ignore" or site.supported is None:
        return []
    lines = unsupported(exact, site.supported)
    machines = site.params["machines"]
    cluster_of = {name: settings["cluster"] for name, settings in machines.items() if isinstance(settings, dict) and settings.get("cluster")}
    if cluster_of:
        groups = boot_plan(classes, {name: machines[name] for name in cluster_of}, images).groups
        members = [(group["id"], group["profile"], cluster_of[group["id"]]) for group in groups if group["id"] in cluster_of]
        lines += too_far(exact, cluster_versions(site.omni), members, site.supported)
    return lines


def _stock_images(params: dict, classes: dict) -> list[dict]:
    images = stock_images({name: settings for name, settings in classes.items() if not is_custom(settings)})
    for image in images:
        urls = release_files(params["release_url"], image["version"], image["architecture"])
        image.update(key=STOCK, urls={kind: urls[kind] for kind in FILE_NAMES}, sizes={}, kernel_args=None)
    return images


def _custom_images(site: Site, classes: dict) -> list[dict]:
    images = []
    for name, settings in classes.items():
        if is_custom(settings):
            with _of_class(name):
                images.append(_custom_image(site, name, settings))
    return images


def _custom_image(site: Site, name: str, settings: dict) -> dict:
    """The image with its own kernel arguments; where its schematic is yet to be made, or nobody can be asked, with those that it should have."""
    if not site.params["join_args"]:
        raise InputError("its image holds the join arguments, so they are needed; give join_args")
    image = custom_image(name, settings, site.params["factory_url"], site.params["join_args"])
    archived = site.params["archived"]
    schematic = settings.get("schematic") or site.params["schematics"].get(image["key"])
    if archived is None and schematic is not None:
        return {**image, **_asked(site, settings, image, checked_schematic(schematic))}
    return {**image, "sizes": {}, "kernel_args": (archived or {}).get(image["path"]) or expected_kernel_args(settings, image)}


def _asked(site: Site, settings: dict, image: dict, schematic: str) -> dict:
    """What the Factory tells of an image, which is made if it was not before."""
    version, architecture = image["version"], image["architecture"]
    try:
        cmdline = site.factory.cmdline(schematic, version, architecture, settings.get("secure_boot") is True)
        sizes = {kind: site.factory.size(schematic, version, file) for kind, file in factory_names(architecture).items()}
    except NotAtFactory as error:
        raise InputError(f"{error}; correct the version, the architecture or the names of extensions, or omni_matchbox_factory_url") from None
    return {"sizes": sizes, "kernel_args": own_kernel_args(cmdline, site.params["join_args"])}


def _customizations(classes: dict, images: list[dict]) -> list[dict]:
    """What Omni is to make schematics of, each once, by the options of ``omni_schematic``."""
    found = {}
    for image in images:
        settings = classes[image["classes"][0]]
        if image["key"] != STOCK and not settings.get("schematic"):
            version = {"talos_version": image["version"], "architecture": image["architecture"]}
            found[image["key"]] = {"image_key": image["key"], **version, **Customization.of(settings).content()}
    return list(found.values())


def _contradictions(classes: dict, images: list[dict]) -> list[str]:
    """The two sources of kernel arguments never disagree silently."""
    lines = []
    for image in images:
        name = image["classes"][0]
        differs = contradiction(classes[name], image) if image["kernel_args"] else ""
        if differs:
            lines.append(f"class {name}: its image's own kernel arguments count; beside those that Talos {image['version']} should have it {differs}")
    return lines


def _digests(site: Site, image: dict) -> dict[str, str]:
    """The digests that are pinned, else those that the boot hosts of the run know, which must not disagree."""
    wanted = LockedImage(image["version"], image["architecture"], image["key"])
    found = _known_digests(site.pins, wanted)
    for kind, file in FILE_NAMES.items():
        known = {_known_digests(lock, wanted).get(kind): host for host, lock in site.locks.items()}
        known.pop(None, None)
        if len(known) > 1 and kind not in found:
            hosts = " and ".join(sorted(known.values()))
            raise InputError(f"{file} of Talos {image['version']} {image['architecture']} is not the same on {hosts}; pin the right sha256 in {PINS}")
        if known:
            found.setdefault(kind, next(iter(known)))
    return found


def _known_digests(lock: Lock, image: LockedImage) -> dict[str, str]:
    files = lock.images.get(image, {})
    return {kind: files[file].sha256 for kind, file in FILE_NAMES.items() if file in files}
