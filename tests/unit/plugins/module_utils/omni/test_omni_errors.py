"""Every refusal that Omni is known to answer is an error of its own type, with what to do about it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni import errors
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import MANAGEMENT, OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import get_resource

pytest_plugins = ["support.omni"]

VERSIONS = "SysVersions.system.sidero.dev"


def ask(client: OmniClient) -> dict:
    """A call that any account may make."""
    return get_resource(client, VERSIONS, "current", "ephemeral")


VALIDATION = "failed to validate: 1 error occurred:\n\t* "
DENIED = "rpc error: code = PermissionDenied desc = "
EXISTS = "failed to create: resource Clusters.omni.sidero.dev(default/lab1@1) already exists"
CONFLICT = "failed to update: resource X.omni.sidero.dev(default/x@2) update conflict: expected version '\\x01', actual version '\\x02'"
MISSING = "resource TalosVersions.omni.sidero.dev(default/9.9.9@undefined) doesn't exist"
UNREACHABLE = "failed to upgrade machine: rpc error: code = Unavailable desc = last connection error"
USAGES = 'unsupported resource type for list "KubernetesUsages.omni.sidero.dev"'
ANSWERS = [
    (500, 2, "missing runtime metadata", errors.InvalidRequestError, "a reverse proxy, drops headers"),
    (400, 3, "missing runtime metadata", errors.InvalidRequestError, "a reverse proxy, drops headers"),
    (403, 7, f"{VALIDATION}{DENIED}no access is permitted\n\n", errors.PermissionDeniedError, "does not know the type, or keeps it to itself"),
    (403, 7, f"{VALIDATION}{DENIED}only read access is permitted\n\n", errors.PermissionDeniedError, "change what they follow from"),
    (404, 5, MISSING, errors.NotFoundError, "check the id, and that the namespace is"),
    (404, 5, "Not Found", errors.NotFoundError, "this Omni has no such call"),
    (409, 6, EXISTS, errors.ConflictError, "choose another id, or change the one that is there"),
    (409, 6, CONFLICT, errors.VersionConflictError, "somebody else changed it meanwhile; run again"),
    (400, 3, f'{VALIDATION}invalid talos version "1.11.99": no such\n\n', errors.InvalidRequestError, "nothing was changed; correct what was asked for"),
    (400, 9, "machine is not in maintenance mode", errors.PreconditionError, "bring Omni or the machine into that state first"),
    (400, 9, "EULA has not been accepted; accept it to use the API", errors.PreconditionError, "--eula-accept-name and --eula-accept-email"),
    (400, 3, 'proto: (line 1:83): unknown field "foo"', errors.InvalidRequestError, "check the spelling, and that this version of Omni"),
    (500, 2, 'proto: (line 1:2): unknown field "foo"', errors.InvalidRequestError, "check the spelling, and that this version of Omni"),
    (400, 3, "found ',', expected: identifier after ','", errors.InvalidRequestError, "write a selector like"),
    (500, 2, 'failed to sort: field "nope" for element "x" not found', errors.InvalidRequestError, "sort by id, created or updated"),
    (500, 2, "failed to validate: cluster ID must be specified in query", errors.InvalidRequestError, "give a selector"),
    (501, 12, USAGES, errors.UnsupportedError, "ask for one by its id"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=[f"{row[0]} {row[1]} {row[2][:40]}" for row in ANSWERS])
def test_each_answer_is_an_error_of_its_own_with_what_to_do(omni, answer):
    status, code, words, error, hint = answer
    omni.fail("answer", status=status, body=json.dumps({"code": code, "message": words}))
    with pytest.raises(errors.OmniError) as caught:
        ask(omni.client())
    assert caught.type is error
    assert (caught.value.status, caught.value.code) == (status, code)
    core = words.replace(VALIDATION, "").replace(DENIED, "").strip()
    assert str(caught.value).startswith(f"ResourceService/Get of SysVersions at {omni.server.endpoint}: {core}; ")
    assert hint in str(caught.value)
    assert str(caught.value).endswith(f" (HTTP {status}, code {code})")
    assert "\n" not in str(caught.value)


def test_a_machine_out_of_reach(omni):
    omni.fail("answer", status=503, body=json.dumps({"code": 14, "message": UNREACHABLE}), times=-1)
    with pytest.raises(errors.UnavailableError, match="check that the machine is powered on and connected to Omni"):
        omni.client().write(MANAGEMENT + "MaintenanceUpgrade", {})
