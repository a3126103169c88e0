"""Publishes the stand-in for Matchbox in a run of the lab and prints an inventory with the variables that say where it is.

    python -m lab.matchbox_release FOLDER

The folder is the one that the download server serves. There is v0.11.0, signed by a key of the tests, and v0.12.0, which somebody else
signed. Outside of it lie an archive that nobody has signed, a program (each of other bytes than the release), and certificates for gRPC.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import sys

import pysequoia
from support.releases import PATH, Publisher, archive

from . import matchbox_standin, pki
from .segment import NETWORK
from .site import DOWNLOADS_NAME

VERSION, FORGED = "v0.11.0", "v0.12.0"


def publish(root: pathlib.Path) -> dict:
    """The variables; what they name is there."""
    publisher = Publisher(root)
    publisher.publish(VERSION, content=_archive(VERSION, 0))
    publisher.sign(publisher.publish(FORGED, content=_archive(FORGED, 0)), pysequoia.Tsk.generate("Releases of the tests <releases@example.com>"))
    brought = root.parent / "brought"
    certificate, key = pki.certificate(brought, [f"{NETWORK}.11", f"{NETWORK}.12"])
    built = _archive(VERSION, 8)
    (brought / "built.tar.gz").write_bytes(built)
    (brought / "matchbox").write_bytes(_program(16))
    return {
        "matchbox_release_url": f"https://{DOWNLOADS_NAME}/{PATH}",
        "matchbox_release_key": f"https://{DOWNLOADS_NAME}/{publisher.key.name}",
        "matchbox_release_fingerprint": publisher.fingerprint,
        "matchbox_release_ca_path": str(pki.authority(root.parent / "pki")[0]),
        "matchbox_archive": str(brought / "built.tar.gz"),
        "matchbox_archive_sha256": hashlib.sha256(built).hexdigest(),
        "matchbox_binary": str(brought / "matchbox"),
        "matchbox_rpc_ca": str(pki.authority(brought)[0]),
        "matchbox_rpc_cert": str(certificate),
        "matchbox_rpc_key": str(key),
    }


def _archive(version: str, padding: int) -> bytes:
    return archive({f"matchbox-{version}-linux-amd64/matchbox": _program(padding)})


def _program(padding: int) -> bytes:
    return matchbox_standin.program() + bytes(padding)


if __name__ == "__main__":
    print(json.dumps({"all": {"vars": publish(pathlib.Path(sys.argv[1]))}}, indent=2))
