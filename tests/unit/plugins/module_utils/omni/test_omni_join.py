"""The join parameters: which token, which tunnel, and no token that machines could not join with."""

from __future__ import annotations

import json

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.errors import OmniError, PermissionDeniedError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.join import find_join_token, kernel_params
from lab.omni.accounts import create_account

pytest_plugins = ["support.omni"]

PAST = "2020-01-01T00:00:00Z"


def test_all_three_are_omnis_own(omni):
    omni.state.set(machine_api_url="grpc://10.77.0.5:9443", events_port=9091, logs_port=9092)
    assert kernel_params(omni.client()).args == [
        f"siderolink.api=grpc://10.77.0.5:9443?jointoken={omni.state.default_token()}",
        "talos.events.sink=[fdae:41e4:649b:9303::1]:9091",
        "talos.logging.kernel=tcp://[fdae:41e4:649b:9303::1]:9092",
    ]


def test_a_given_token(omni):
    token = omni.state.create_token("site-berlin")
    assert kernel_params(omni.client(), token).args[0].endswith(f"?jointoken={token}")


@pytest.mark.parametrize(
    ("enforced", "wanted", "tunnel"),
    [(False, None, False), (True, None, True), (False, True, True), (True, True, True), (True, False, False), (False, False, False)],
)
def test_the_tunnel_is_what_was_asked_for_else_what_omni_enforces(omni, enforced, wanted, tunnel):
    omni.state.set(enforce_grpc_tunnel=enforced)
    assert ("?grpc_tunnel=true&jointoken=" in kernel_params(omni.client(), None, wanted).args[0]) is tunnel


def make(omni, state: str) -> str:
    """A token in that state."""
    if state == "unknown":
        return "no-such-token"
    token = omni.state.create_token("site", PAST if state == "expired" else "")
    if state == "revoked":
        omni.state.revoke_token(token)
    return token


@pytest.mark.parametrize(("state", "words"), [("revoked", "is revoked"), ("expired", "is expired"), ("unknown", "is not known")])
def test_a_given_token_that_machines_cannot_join_with(omni, state, words):
    token = make(omni, state)
    with pytest.raises(InputError, match=words) as caught:
        kernel_params(omni.client(), token)
    assert str(caught.value).startswith(f"join token {token_hash(token)} ")
    assert token not in str(caught.value)


@pytest.mark.parametrize("proper", [0, 1])
def test_omnis_words_do_not_show_the_token(omni, proper):
    """Neither when it composes the parameters nor when it is asked for the token's state."""
    token = omni.state.create_token("site")
    omni.fail("answer", status=500, body=json.dumps({"code": 2, "message": f"no luck with {token}"}), skip=proper)
    with pytest.raises(OmniError, match="no luck with sha256:") as caught:
        kernel_params(omni.client(), token, False)
    assert token not in str(caught.value)


def test_a_revoked_default_token(omni):
    omni.state.revoke_token(omni.state.default_token())
    with pytest.raises(InputError, match="Omni's default join token at .* is revoked; .* make another one the default"):
        kernel_params(omni.client())


def test_a_token_that_omni_has_just_made_may_take_a_moment(omni):
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        with omni.state.change() as content:
            content["tokens"]["just-made"] = {"name": "new", "created": PAST, "updated": PAST, "version": 2}

    assert kernel_params(omni.client(sleep=wait), "just-made").args[0].endswith("jointoken=just-made")
    assert pauses == [1]


def test_a_token_of_a_provider_has_no_status(omni):
    assert kernel_params(omni.client(), "v2:c2lnbmVk").args[0].endswith("?jointoken=v2%3Ac2lnbmVk")


def test_without_the_right_to_read_tokens_omnis_answer_is_taken(omni):
    client = omni.client(create_account(omni.state, "nobody", "None"))
    assert omni.state.default_token() in kernel_params(client, None, False).args[0]
    with pytest.raises(PermissionDeniedError, match="SiderolinkAPIConfigs .* has the role None, this needs Reader"):
        kernel_params(client)


def test_reading_is_enough(omni):
    client = omni.client(create_account(omni.state, "reader", "Reader"))
    omni.state.create_token("site-berlin")
    assert kernel_params(client, find_join_token(client, "site-berlin"))


def test_a_name_means_its_only_active_token(omni):
    for state in ("revoked", "expired"):
        make(omni, state)
    token = omni.state.create_token("site")
    assert find_join_token(omni.client(), "site") == token


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], "has no join token called 'site'"),
        (["revoked"], "'site' at https://.* is revoked; machines cannot join"),
        (["expired", "expired"], "'site' at https://.* is expired; machines cannot join"),
        (["expired", "revoked"], "'site' at https://.* is expired and revoked"),
        (["active", "active", "revoked"], "has 2 active join tokens called 'site'"),
    ],
)
def test_a_name_that_means_no_or_more_than_one_token(omni, states, words):
    tokens = [make(omni, state) for state in states]
    with pytest.raises(InputError, match=words) as caught:
        find_join_token(omni.client(), "site")
    assert not [token for token in tokens if token in str(caught.value)]
