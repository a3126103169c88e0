"""The module omni_join_token_info as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import json

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.omni.accounts import create_account
from support.secrets import key_texts, seen

pytest_plugins = ["support.omni"]

MODULE = "omni_join_token_info"
MACHINE = "10001802-c798-4da7-a410-f09abb48c8d8"


def test_what_omni_tells_of_its_tokens(modules, omni):
    first, expired, revoked = omni.state.default_token(), omni.state.create_token("berlin", "2020-01-01T00:00:00Z"), omni.state.create_token("berlin")
    omni.state.revoke_token(revoked)
    omni.join(MACHINE, first)
    modules.elsewhere = omni.state.read
    reader = create_account(omni.state, "reader", "Reader")
    result = modules.converge(MODULE, {**omni.params, "service_account_key": reader})
    unused = {"default": False, "use_count": 0, "warnings": []}
    berlin = [
        {"name": "berlin", "token_hash": token_hash(expired), "state": "expired", "expiration": "2020-01-01T00:00:00Z", **unused},
        {"name": "berlin", "token_hash": token_hash(revoked), "state": "revoked", "expiration": None, **unused},
    ]
    initial = {
        "name": "initial token",
        "token_hash": token_hash(first),
        "state": "active",
        "default": True,
        "expiration": None,
        "use_count": 1,
        "warnings": [{"machine": MACHINE, "message": "Does not have the node unique token"}],
    }
    assert not result["changed"]
    assert result["join_tokens"] == [*sorted(berlin, key=lambda token: token["token_hash"]), initial]
    assert seen(json.dumps(result), first, expired, revoked, *key_texts(reader)) == []


def test_the_tokens_of_a_name(modules, omni):
    omni.state.create_token("berlin")
    for name, count in (("berlin", 1), ("munich", 0)):
        assert len(modules.converge(MODULE, {**omni.params, "name": name})["join_tokens"]) == count


def test_it_takes_a_reader(modules, omni):
    key = create_account(omni.state, "nobody", "None")
    assert "has the role None, this needs Reader" in modules.refuse(MODULE, {**omni.params, "service_account_key": key})
