"""Looking for secrets: every form in which one could show itself, and the files that hold any of them."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import subprocess
import urllib.parse

PIECE = 24
"""Characters of a secret that are too many to be seen together."""


def key_texts(key: str) -> list[str]:
    """What must not be seen of a service-account key: the text itself, and the lines of the private key in it."""
    return [key, *(line for line in json.loads(base64.b64decode(key))["pgp_key"].splitlines() if len(line) == 64)]


def forms(secret: str) -> dict[str, str]:
    """Form → text: as it is, URL-encoded, hexadecimal, and base64 of a longer text that it is part of.

    Base64 depends on where in the longer text the secret begins (0, 1 or 2 bytes after a multiple of 3); the characters to which its
    neighbours contribute are cut off.
    """
    data = secret.encode()
    found = {"": secret, "in hexadecimal": data.hex(), "in HEXADECIMAL": data.hex().upper()}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data).decode()
        found[f"in base64 at {shift}"] = encoded[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6]
    encoded = urllib.parse.quote(secret, safe="")
    return found if encoded == secret else {**found, "URL-encoded": encoded}


def pieces(secret: str) -> list[str]:
    """Parts of a secret such that twice as much of it, anywhere, holds one of them whole; an excerpt is a leak too."""
    starts = [*range(0, len(secret) - PIECE, PIECE), len(secret) - PIECE]
    return [secret[max(start, 0) :][:PIECE] for start in starts]


def seen(text: str, *secrets: str) -> list[str]:
    """The forms in which a text holds any of the secrets, or so much of one that it is a leak too; nothing of them is returned."""
    return sorted({form or "as it is" for secret in secrets for piece in pieces(secret) for form, shown in forms(piece).items() if shown in text})


def holders(secrets: dict[str, list[str]], *places: pathlib.Path) -> dict[str, str]:
    """The files in ``places`` (files, or directories with all below them) that hold a secret: path → which in which forms, in words.

    ``secrets`` are texts by name; nothing that is returned shows one.
    """
    parts = [(name, piece) for name, texts in secrets.items() for text in texts for piece in pieces(text)]
    needles = {text.encode(): f"{name} {form}".strip() for name, piece in parts for form, text in forms(piece).items()}
    argv = ["grep", "--recursive", "--files-with-matches", "--null", "--text", "--fixed-strings", "--devices=skip", "--no-messages", "--file=-", "--"]
    grep = subprocess.run([*argv, *places], input=b"\n".join(needles), capture_output=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    assert not grep.stderr and all(place.exists() for place in places), grep.stderr.decode()
    paths = [os.fsdecode(name) for name in grep.stdout.split(b"\0") if name]
    return {path: _held(needles, pathlib.Path(path).read_bytes()) for path in paths}


def _held(needles: dict[bytes, str], content: bytes) -> str:
    return ", ".join(sorted({name for text, name in needles.items() if text in content}))
