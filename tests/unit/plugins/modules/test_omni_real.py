"""Modules against a real Omni, if ``OMNI_ENDPOINT`` and ``OMNI_SERVICE_ACCOUNT_KEY`` (of an Admin) are set; else against the lab Omni.

All that is made has a prefix of its own and is removed, also after a failure. Nothing that was there is changed.
"""

from __future__ import annotations

import json
import os
import secrets

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import get_resource
from support.secrets import key_texts, seen

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

PREFIX = f"at-{secrets.token_hex(4)}"
CLASSES = "MachineClasses.omni.sidero.dev"
SET = {"OMNI_ENDPOINT", "OMNI_SERVICE_ACCOUNT_KEY"} <= set(os.environ)


@pytest.fixture
def connection(request) -> dict:
    """The options by which modules find that Omni."""
    if not SET:
        return request.getfixturevalue("omni").params
    found = {"endpoint": os.environ["OMNI_ENDPOINT"], "service_account_key": os.environ["OMNI_SERVICE_ACCOUNT_KEY"]}
    return {**found, **({"ca_path": os.environ["SSL_CERT_FILE"]} if "SSL_CERT_FILE" in os.environ else {})}


@pytest.fixture
def have(modules, connection, tmp_path):
    """Runs a module with all its promises; at the end, all that tests may have made is gone."""

    def converge(module: str, **params) -> dict:
        result = modules.converge(module, {**connection, **params})
        assert seen(json.dumps(result), *key_texts(connection["service_account_key"])) == []
        return result

    yield converge
    made = [
        ("omni_resource", {"type": CLASSES, "id": PREFIX}),
        ("omni_service_account", {"name": PREFIX, "key_path": str(tmp_path / "omni.key")}),
        ("omni_join_token", {"name": PREFIX}),
    ]
    for module, params in made:
        left = modules.run(module, {**connection, **params, "state": "absent"})
        assert not left.get("failed"), left


def test_a_resource(have):
    wanted = {"type": CLASSES, "id": PREFIX}
    made = have("omni_resource", **wanted, spec={"match_labels": ["omni.sidero.dev/arch = amd64"]}, labels={"made-by": PREFIX})
    assert (made["changed"], made["diff"]["before"]) == (True, {})
    changed = have("omni_resource", **wanted, spec={"match_labels": ["omni.sidero.dev/arch = arm64"]})
    assert changed["resource"]["metadata"]["labels"] == {"made-by": PREFIX}
    found = have("omni_resource_info", type=CLASSES, selector=f"made-by = {PREFIX}")["resources"]
    assert [resource["spec"]["match_labels"] for resource in found] == [["omni.sidero.dev/arch = arm64"]]
    assert have("omni_resource", **wanted, state="absent")["changed"]


def test_a_join_token(have):
    made = have("omni_join_token", name=PREFIX, expiry="1d")
    assert (made["changed"], made["join_token"]["default"]) == (True, False)
    revoked = have("omni_join_token", name=PREFIX, revoked=True)
    assert (revoked["changed"], revoked["join_token"]["state"]) == (True, "revoked")
    listed = have("omni_join_token_info", name=PREFIX)["join_tokens"]
    assert [(token["token_hash"], token["state"]) for token in listed] == [(made["join_token"]["token_hash"] or revoked["join_token"]["token_hash"], "revoked")]
    assert have("omni_join_token", name=PREFIX, state="absent")["changed"]


def test_the_kernel_parameters(have):
    found = have("omni_kernel_params")
    assert len(found["kernel_params"]) == 3
    default = next(token for token in have("omni_join_token_info")["join_tokens"] if token["default"])
    assert found["token_hash"] == default["token_hash"]


def test_a_service_account(have, connection, tmp_path):
    path = tmp_path / "omni.key"
    assert have("omni_service_account", name=PREFIX, role="Reader", key_path=str(path), lifetime="1d", renew_before="1h")["changed"]
    client = OmniClient(connection["endpoint"], ServiceAccount(path.read_text()), ca_path=connection.get("ca_path"))
    assert get_resource(client, "CurrentUsers.omni.sidero.dev", "current", "virtual")["spec"]["role"] == "Reader"
    assert have("omni_service_account", name=PREFIX, state="absent", key_path=str(path))["changed"]
