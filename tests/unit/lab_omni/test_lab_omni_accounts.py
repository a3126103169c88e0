"""Service accounts and schematics: what a real Omni was recorded to answer, the lab Omni answers too."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re

import pysequoia
import pytest
import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from lab.omni.accounts import create_account

pytest_plugins = ["support.omni"]

RECORDINGS = pathlib.Path(__file__).resolve().parents[2] / "recordings/omni"
ROLES = {"ro": "Reader", "op": "Operator", "none": "None", "short": "Admin"}
JOIN_TOKEN = re.compile(r"REDACTED-JOINTOKEN-\d")


def recorded(name: str) -> list[dict]:
    return json.loads((RECORDINGS / name).read_text())


def ask(omni, entry: dict) -> requests.Response:
    """Make a recorded request again, by an account of the recorded role."""
    key = create_account(omni.state, "asker", ROLES[entry["role"]]) if "role" in entry else omni.key
    headers = ServiceAccount(key).signed_headers(entry["path"].removeprefix("/api"), entry["metadata"] or {}, omni.state.clock())
    answer = requests.post(omni.server.endpoint + entry["path"], json=entry["request"], headers=headers, verify=omni.ca_path, timeout=10)
    if "role" in entry:
        with omni.state.change() as content:
            content["accounts"] = [account for account in content["accounts"] if account["name"] != "asker"]
    return answer


def public_key(entry: dict) -> str:
    """A key like the one that was sent; only what it was like was recorded."""
    name = entry["request"]["name"]
    lifetime = re.search(r" (\d+)s$", entry["case"])
    user = "just a name" if name == "noemail" else f"{name} (ansible) <{name}@serviceaccount.omni.sidero.dev>"
    profile = pysequoia.Profile.RFC9580 if name == "v6key" else pysequoia.Profile.RFC4880
    secret = pysequoia.Tsk.generate(user, profile=profile, validity_seconds=int(lifetime.group(1)) if lifetime else 2592000)
    return str(secret.extract_certificate())


def without_secrets(answer: dict) -> dict:
    """Without what cannot be the same again: keys, their fingerprints and ends."""
    accounts = [{**account, "pgp_public_keys": [sorted(key) for key in account["pgp_public_keys"]]} for account in answer.get("service_accounts", [])]
    return {name: accounts if name == "service_accounts" else "" if name == "public_key_id" else value for name, value in answer.items()}


def test_service_accounts_in_their_order(omni):
    entries = recorded("service-accounts.json")
    assert len(entries) == 20
    for entry in entries:
        if "armored_pgp_public_key" in entry["request"]:
            entry["request"]["armored_pgp_public_key"] = public_key(entry)
        answer = ask(omni, {name: value for name, value in entry.items() if name != "role" or value in ("ro", "op", "none")})
        assert answer.status_code == entry["status"], entry["case"]
        assert without_secrets(answer.json()) == without_secrets(entry["response"]), entry["case"]


def test_the_id_of_a_key_is_its_fingerprint(omni):
    entry = recorded("service-accounts.json")[0]
    armored = entry["request"]["armored_pgp_public_key"] = public_key(entry)
    fingerprint = pysequoia.Cert.from_bytes(armored.encode()).fingerprint
    assert ask(omni, entry).json() == {"public_key_id": fingerprint}


@pytest.mark.parametrize("entry", recorded("schematics.json"), ids=lambda entry: entry["case"])
def test_schematics(make_omni, entry):
    omni = make_omni(address="10.5.0.1")
    omni.state.set(instance_name="omni-lab")
    answer = ask(omni, entry)
    assert answer.status_code == entry["status"]
    got, expected = answer.json(), entry["response"]
    if "items" in expected:
        assert got["total"] == expected["total"]
        assert alike(got["items"]) == alike(expected["items"])
        return
    if "schematic_yml" in expected:
        schematic_id = hashlib.sha256(got["schematic_yml"].encode()).hexdigest()
        assert got["schematic_id"] == schematic_id
        for part in ("schematic_id", "pxe_url"):
            expected[part] = expected[part].replace(recorded_id(entry), schematic_id)
        expected["schematic_yml"] = JOIN_TOKEN.sub(omni.state.default_token(), expected["schematic_yml"])
    assert got == expected


def recorded_id(entry: dict) -> str:
    return entry["response"]["pxe_url"].split("/")[4]


def alike(items: list[str]) -> list[dict]:
    """Resources without times; of features only the one in use, the others are a real Omni's."""
    found = []
    for item in map(json.loads, items):
        spec = {name: value for name, value in item["spec"].items() if "factory" in name} if "Features" in item["metadata"]["type"] else item["spec"]
        found.append((spec, {name: value for name, value in item["metadata"].items() if name not in ("created", "updated")}))
    return sorted(found, key=str)
