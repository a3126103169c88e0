# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a boot host's certificate and its private key with the program ``openssl``; :mod:`.certificate` says what and why.

The key stays what it is for as long as it is there, so a renewal replaces one file and is atomic. Only a missing key is
made. Then a certificate of the key before it goes away first, and the new key is in place before its certificate: whoever
opens the two files at any moment finds a pair, or no certificate, and never two that do not belong together. A run that ends
in between leaves a key without a certificate, and the next run makes that.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time

from ..common.errors import InputError
from . import placement
from .certificate import KEY, Certificate, Wish, describe, describe_wish, parse_certificate, reasons
from .commands import check, run
from .files import FileChange, FileState, WantedFile, file_diff, plan_files


@dataclasses.dataclass
class PairPlan:
    """``reasons`` say why the certificate is made, ``attributes`` are owners and modes to set on what stays."""

    reasons: list[str]
    make_key: bool
    attributes: list[FileChange]
    diff: list[dict]

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.reasons or self.attributes)


class Pair:
    """A certificate and its private key on this host; both belong to the user who runs this."""

    def __init__(self, certificate: str, private_key: str, wanted: Wish, key_mode: int, key_group: str | None):
        self._certificate, self._key, self._wanted = certificate, private_key, wanted
        user, group = placement.own_names()
        self._states = {
            certificate: FileState("file", mode=0o644, owner=user, group=group),
            private_key: FileState("file", mode=key_mode, owner=user, group=key_group or group),
        }

    def plan(self) -> PairPlan:
        """Compare what is wanted with what is there. Reads only."""
        public_key = self._public_key()
        found = self._found()
        why = reasons(self._wanted, found, public_key, time.time())
        if found and why and found.issuer != found.subject:
            raise InputError(
                f"{self._certificate} was issued by {found.issuer} and not made here, but {' and '.join(why)}: "
                "renew it where it comes from, or remove it and it is made here"
            )
        diff = []
        if why:
            diff.append({"before": describe(found), "after": describe_wish(self._wanted), **_headers(self._certificate)})
        if not public_key:
            state = self._states[self._key]
            after = f"private key, {KEY}, mode {state.mode:04o}, {state.owner}:{state.group}\n"
            diff.append({"before": "absent\n", "after": after, **_headers(self._key)})
        made = ([self._certificate] if why else []) + ([] if public_key else [self._key])
        attributes = self._attributes([path for path in self._states if path not in made])
        return PairPlan(why, not public_key, attributes, diff + file_diff(attributes))

    def apply(self, plan: PairPlan) -> None:
        """Carry out ``plan``."""
        placement.require_places([FileChange(path, FileState(), state) for path, state in self._states.items()])
        for change in plan.attributes:
            placement.place(change.path, change.after)
        if not plan.reasons:
            return
        with tempfile.TemporaryDirectory(prefix="omni-matchbox-") as directory:
            key = self._make_key(directory) if plan.make_key else self._key
            certificate = self._make_certificate(directory, key)
            if plan.make_key:
                placement.place(self._certificate, FileState())
                self._put(self._key, key)
            self._put(self._certificate, certificate)

    def _found(self) -> Certificate | None:
        """The certificate that is there."""
        if placement.look(self._certificate).kind == "absent":
            return None
        asked = ("-subject", "-issuer", "-enddate", "-pubkey", "-ext", "subjectAltName", "-nameopt", "RFC2253")
        output = run("openssl", "x509", "-in", self._certificate, "-noout", *asked)
        if output.code:
            raise InputError(f"{self._certificate} is no certificate that openssl can read: remove it, and one is made")
        return parse_certificate(output.out)

    def _public_key(self) -> str:
        """The public half of the private key, empty if there is none."""
        if placement.look(self._key).kind == "absent":
            return ""
        output = run("openssl", "pkey", "-in", self._key, "-passin", "pass:", "-pubout")
        if output.code:
            raise InputError(f"{self._key} is no private key that openssl can read: remove it, and one is made")
        return output.out.strip()

    def _attributes(self, paths: list[str]) -> list[FileChange]:
        """What differs in owner and mode of files that stay; what a link points to is somebody else's."""
        found = {path: state for path in paths if (state := placement.look(path)).kind == "file"}
        wanted = [WantedFile(path, dataclasses.replace(self._states[path], content=state.content), secret=True) for path, state in found.items()]
        return plan_files(wanted, found)

    def _make_key(self, directory: str) -> str:
        path = os.path.join(directory, "key")
        check("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
        return path

    def _make_certificate(self, directory: str, key: str) -> str:
        configuration, path = os.path.join(directory, "configuration"), os.path.join(directory, "certificate")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(self._wanted.configuration)
        check("openssl", "req", "-new", "-x509", "-sha256", "-config", configuration, "-key", key, "-days", str(self._wanted.days), "-out", path)
        return path

    def _put(self, path: str, made: str) -> None:
        with open(made, "rb") as file:
            placement.place(path, dataclasses.replace(self._states[path], content=file.read()))


def _headers(path: str) -> dict:
    return {"before_header": path, "after_header": path}
