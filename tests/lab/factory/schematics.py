"""Schematics: what an image has beyond a stock one, named by its content."""

from __future__ import annotations

import hashlib

import yaml

EMPTY_ID = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"

_CUSTOMIZATION = {
    "extraKernelArgs": list,
    "meta": list,
    "systemExtensions": {"officialExtensions": list},
    "secureboot": {"includeWellKnownCertificates": bool, "enrollKeys": str},
    "bootloader": str,
    "embeddedMachineConfiguration": str,
    "diskImage": {"sectorSize": int},
}
_SCHEMATIC = {"customization": _CUSTOMIZATION, "overlay": {"image": str, "name": str, "options": dict}}


def parse(body: bytes) -> dict:
    """The schematic in YAML or JSON, without what is empty; ValueError for what the Factory refuses."""
    try:
        given = yaml.safe_load(body) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {error}") from None
    return {"customization": {}, **_checked(given, _SCHEMATIC, "schematic")}


def canonical(schematic: dict) -> str:
    """The text that is hashed. That of the empty schematic is the Factory's; of others only the idea is."""
    return yaml.safe_dump({"customization": {}, **schematic})


def schematic_id(schematic: dict) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(canonical(schematic).encode()).hexdigest()


def _checked(given: object, known: dict, place: str) -> dict:
    if not isinstance(given, dict):
        raise ValueError(f"cannot unmarshal {type(given).__name__} into {place}")
    found = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"field {name} not found in type {place}")
        kind = known[name]
        if not isinstance(kind, dict) and not isinstance(value, kind):
            raise ValueError(f"cannot unmarshal {value!r} into {name}")
        found[name] = _checked(value or {}, kind, name) if isinstance(kind, dict) else value
    return {name: value for name, value in found.items() if value not in ({}, [], "")}
