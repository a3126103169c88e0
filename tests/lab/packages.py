"""The .deb cache: what one host downloaded, no host downloads again.

It is a lower layer of every host's overlay, so that hosts see the packages without sharing apt's lock.
"""

from __future__ import annotations

import contextlib
import os
import pathlib

ARCHIVES = "var/cache/apt/archives"


def layer(cache: pathlib.Path, suite: str) -> pathlib.Path:
    """The directory that holds the packages of a suite under the path at which apt looks for them."""
    directory = cache / "debs" / suite
    (directory / ARCHIVES).mkdir(parents=True, exist_ok=True)
    return directory


def keep(cache: pathlib.Path, suite: str, upper: pathlib.Path) -> None:
    """Moves the packages that a host downloaded into the cache; the host must be down."""
    for package in (upper / ARCHIVES).glob("*.deb"):
        with contextlib.suppress(FileNotFoundError):  # somebody else kept it
            os.replace(package, layer(cache, suite) / ARCHIVES / package.name)
