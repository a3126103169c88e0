# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel arguments: those of a Talos version, the three by which a machine finds its Omni, and how to show them. Pure.

The three join arguments hold a secret, the join token. Plans carry a placeholder in their place; it is filled in by the
module that writes the files, and whatever people see goes through :func:`redact` first.
"""

from __future__ import annotations

import base64
import hashlib
import re
import urllib.parse

from ..common.errors import InputError

JOIN_ARGS_PLACEHOLDER = "@join_args@"
JOIN_ARG_NAMES = ("siderolink.api", "talos.events.sink", "talos.logging.kernel")

_HARDENING = ["init_on_alloc=1"]
_ALWAYS = ["slab_nomerge=", "pti=on", "consoleblank=0"]
_NVME = ["nvme_core.io_timeout=4294967295"]
_PRINTK = ["printk.devkmsg=on"]
_IMA = ["ima_template=ima-ng", "ima_appraise=fix", "ima_hash=sha512"]
_SELINUX = ["selinux=1"]
_SIGNED_MODULES = ["module.sig_enforce=1"]
_PROC_MEM = ["proc_mem.force_override=never"]
_LOCKDOWN = ["lockdown=confidentiality"]

# First Talos minor version with these arguments, newest first. Source: the Talos imager, whose order is kept.
_DEFAULTS = (
    ((1, 14), _ALWAYS + _PRINTK + _SELINUX + _SIGNED_MODULES + _PROC_MEM),
    ((1, 13), _HARDENING + _ALWAYS + _NVME + _PRINTK + _SELINUX + _SIGNED_MODULES + _PROC_MEM),
    ((1, 12), _HARDENING + _ALWAYS + _NVME + _PRINTK + _SELINUX + _SIGNED_MODULES),
    ((1, 11), _HARDENING + _ALWAYS + _NVME + _PRINTK + _SELINUX),
    ((1, 10), _HARDENING + _ALWAYS + _NVME + _PRINTK + _IMA + _SELINUX),
    ((0, 0), _HARDENING + _ALWAYS + _NVME + _PRINTK + _IMA),
)

# A slash or another letter as some programs write it in JSON. A blank, quote, angle bracket or & written so ends a value as it does itself.
_ESCAPED = r"\\/|\\u(?!00(?:2[0267]|3[cCeE])|[dD][89a-fA-F])[0-9a-fA-F]{4}"
_TOKEN = re.compile(rf"(jointoken(?:=|%3[dD]|\\u003[dD]))((?:[^&\s\"'<>\\]|{_ESCAPED})+)")
_INLINE_CONFIG = re.compile(rf"(talos\.config\.inline(?:=|\\u003[dD]))((?:[^\s\"'<>\\]|{_ESCAPED})+)")
_SHOWN = re.compile(r"sha256:[0-9a-f]{8}")


def default_kernel_args(minor: tuple[int, int], architecture: str, secure_boot: bool = False) -> list[str]:
    """The arguments that Talos' own images carry on bare metal, consoles included.

    ``minor`` is the Talos version as ``(1, 11)``, ``architecture`` is ``amd64`` or ``arm64``.
    """
    defaults = next(args for first, args in _DEFAULTS if minor >= first)
    lockdown = _LOCKDOWN if secure_boot and minor < (1, 14) else []
    return ["talos.platform=metal"] + _consoles(minor, architecture) + defaults + lockdown


def known_names() -> set[str]:
    """The names of all arguments that images of some Talos version carry."""
    args = _LOCKDOWN + [arg for dummy, defaults in _DEFAULTS for arg in defaults]
    return {"talos.platform", "console"} | {arg.partition("=")[0] for arg in args}


def _consoles(minor: tuple[int, int], architecture: str) -> list[str]:
    if architecture == "arm64":
        return ["console=ttyAMA0", "console=tty0"]
    return ["console=tty0"] if minor >= (1, 8) else ["console=ttyS0", "console=tty0"]


def validate_join_args(args: list[str]) -> list[str]:
    """The three join arguments, or an :class:`InputError` that says which one is wrong and shows no token."""
    values: dict[str, str] = {}
    for number, arg in enumerate(args, 1):
        name, dummy, value = arg.partition("=") if isinstance(arg, str) else ("", "", "")
        if name not in JOIN_ARG_NAMES:
            # Not shown: what was pasted here by mistake may be a token without its name.
            raise InputError(f"join arguments: number {number} is none of {', '.join(JOIN_ARG_NAMES)}; give exactly these three")
        if name in values:
            raise InputError(f"join arguments: {name} is there twice; give exactly one of each of {', '.join(JOIN_ARG_NAMES)}")
        if not value or re.search(r"[\s\x00-\x1f\x7f\"'\\]", value):
            raise InputError(f"join arguments: {name} has an empty value, a blank, a quote or a control character; copy it as Omni shows it")
        values[name] = value
    missing = [name for name in JOIN_ARG_NAMES if name not in values]
    if missing:
        raise InputError(f"join arguments: {', '.join(missing)} missing; give exactly one of each of {', '.join(JOIN_ARG_NAMES)}")
    if not join_token(args):
        raise InputError("join arguments: siderolink.api has no jointoken=; a machine without a token is refused by Omni")
    return list(args)


def join_token(join_args: list[str]) -> str:
    """The token in the join arguments, decoded; empty if there is none."""
    for arg in join_args:
        name, dummy, url = arg.partition("=")
        if name == JOIN_ARG_NAMES[0]:
            query = urllib.parse.urlsplit(url).query
            return urllib.parse.parse_qs(query).get("jointoken", [""])[0]
    return ""


def fill_join_args(args: list[str], join_args: list[str] | None) -> list[str]:
    """``args`` with the join arguments in place of the placeholder."""
    if JOIN_ARGS_PLACEHOLDER not in args:
        return list(args)
    if not join_args:
        raise InputError(f"kernel arguments: {JOIN_ARGS_PLACEHOLDER} stands for Omni's join arguments, but none were given (join_args)")
    filled: list[str] = []
    for arg in args:
        filled += join_args if arg == JOIN_ARGS_PLACEHOLDER else [arg]
    return filled


def token_hash(token: str) -> str:
    """The name under which a token is shown: enough to tell two apart, nothing to join with."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()[:8]


def redact(text: str) -> str:
    """``text`` with every join token, also in URL-encoded form, replaced by its short hash. Redacting twice is redacting once."""

    def shown(match: re.Match) -> str:
        value = match.group(2)
        return match.group(0) if _SHOWN.fullmatch(value) else match.group(1) + token_hash(_plain(value))

    return _INLINE_CONFIG.sub(shown, _TOKEN.sub(shown, text))


def _plain(value: str) -> str:
    """A secret without the escapes of JSON and URLs."""
    return urllib.parse.unquote(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), value).replace("\\/", "/"))


def secrets_in(text: str) -> set[str]:
    """What :func:`redact` would replace in ``text``, in every form that must not be seen: as it stands, raw, URL-encoded, base64."""
    forms: set[str] = set()
    for pattern in (_TOKEN, _INLINE_CONFIG):
        for match in pattern.finditer(text):
            secret = _plain(match.group(2))
            encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
            forms |= {match.group(2), secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), encoded}
    return forms
