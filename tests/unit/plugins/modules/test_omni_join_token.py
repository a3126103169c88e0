"""The module omni_join_token as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.boot.kernel_args import token_hash
from lab.omni.accounts import create_account
from lab.omni.state import parse_time, show_time
from support.modules import warnings
from support.secrets import key_texts, seen

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

MODULE = "omni_join_token"
MACHINE = "10001802-c798-4da7-a410-f09abb48c8d8"


@pytest.fixture
def tokens(modules, omni):
    """Runs the module with all its promises, and with the lab Omni watched; no result ever shows a token or the key."""
    modules.elsewhere = omni.state.read

    def hidden(result):
        assert seen(json.dumps(result), *omni.state.read()["tokens"], *key_texts(omni.key)) == []
        return result

    class Tokens:
        def converge(self, **params) -> dict:
            known = list(omni.state.read()["tokens"])
            result = hidden(modules.converge(MODULE, {**omni.params, **params}))
            assert seen(json.dumps(result), *known) == []
            return result

        def refuse(self, **params) -> str:
            return hidden(modules.refuse(MODULE, {**omni.params, **params}))

    return Tokens()


def named(omni, name: str) -> list[str]:
    return [token for token, record in omni.state.read()["tokens"].items() if record["name"] == name]


def test_the_life_of_a_token(tokens, omni):
    first = omni.state.default_token()
    made = tokens.converge(name="berlin", expiry="90d")
    (token,) = named(omni, "berlin")
    assert made["changed"]
    assert made["diff"] == {"before": {}, "after": {"name": "berlin", "expires": "90d after it is made", "default": False, "revoked": False}}
    record = omni.state.read()["tokens"][token]
    ends = record["expiration_time"]
    assert abs(parse_time(ends) - parse_time(record["created"]) - 90 * 86400) < 60
    assert made["join_token"] == {"name": "berlin", "token_hash": token_hash(token), "state": "active", "default": False, "expiration": ends}

    before = {"name": "berlin", "expires": ends, "default": False, "revoked": False, "token": token_hash(token)}
    for params, after in (
        ({"default": True}, {"default": True}),
        ({"expiry": "2099-01-01"}, {"expires": "2099-01-01T00:00:00Z"}),
        ({"expiry": "30d"}, {"expires": show_time(parse_time(record["created"]) + 30 * 86400)}),
        ({"expiry": "never"}, {"expires": "never"}),
    ):
        changed = tokens.converge(name="berlin", **params)
        assert changed["diff"] == {"before": before, "after": {**before, **after}}
        before = changed["diff"]["after"]
    assert omni.state.default_token() == token

    tokens.converge(token_hash=token_hash(first), default=True)
    for revoked, state in ((True, "revoked"), (False, "active"), (True, "revoked")):
        changed = tokens.converge(name="berlin", revoked=revoked)
        assert (changed["changed"], changed["join_token"]["state"]) == (True, state)
    deleted = tokens.converge(name="berlin", state="absent")
    assert (deleted["changed"], deleted["join_token"], deleted["diff"]["after"]) == (True, None, {})
    assert list(omni.state.read()["tokens"]) == [first]


def test_a_token_made_as_the_default(tokens, omni):
    assert tokens.converge(name="berlin", default=True)["join_token"]["default"]
    assert [omni.state.default_token()] == named(omni, "berlin")


def test_nothing_to_do(tokens, omni):
    omni.state.create_token("berlin", "2099-01-01T00:00:00Z")
    for params in ({}, {"expiry": "2099-01-01"}, {"expiry": "2099-01-01T01:00:00+01:00"}, {"default": False}, {"revoked": False}):
        assert not tokens.converge(name="berlin", **params)["changed"]
    assert not tokens.converge(name="munich", state="absent")["changed"]


@pytest.mark.parametrize(("late", "changed"), [(-200, False), (200, False), (400, True)])
def test_a_lifetime_is_kept_though_clocks_differ(tokens, omni, late, changed):
    """The end was computed by the clock of whoever made the token, its making was written down by Omni's."""
    omni.state.create_token("berlin", show_time(omni.state.clock() + 90 * 86400 + late))
    assert tokens.converge(name="berlin", expiry="90d")["changed"] is changed


def test_a_token_of_several_by_its_hash(tokens, omni):
    doubled = [omni.state.create_token("berlin") for _number in range(2)]
    assert "has 2 join tokens called 'berlin'; say by token_hash" in tokens.refuse(name="berlin", revoked=True)
    assert tokens.converge(token_hash=token_hash(doubled[0]), revoked=True)["changed"]
    # Only one is active now.
    assert tokens.converge(name="berlin", default=True)["join_token"]["token_hash"] == token_hash(doubled[1])
    assert "say by token_hash" in tokens.refuse(name="berlin", state="absent")
    assert tokens.converge(name="berlin", token_hash=token_hash(doubled[0]), state="absent")["changed"]


@pytest.mark.parametrize(("params", "verb"), [({"revoked": True}, "revoke"), ({"state": "absent"}, "delete")])
def test_machines_that_have_nothing_else_are_not_left_outside_unless_forced(tokens, omni, params, verb):
    token = omni.state.create_token("berlin")
    omni.join(MACHINE, token)
    message = tokens.refuse(name="berlin", **params)
    assert f"is all that 1 machines have to be let in with ({MACHINE});" in message
    assert f"before you {verb} it" in message
    assert tokens.converge(name="berlin", force=True, **params)["changed"]


def test_many_machines_are_not_all_named(tokens, omni):
    token = omni.state.create_token("berlin")
    for number in range(12):
        omni.join(f"1000180{number:x}-c798-4da7-a410-f09abb48c8d8", token)
    message = tokens.refuse(name="berlin", revoked=True)
    assert "all that 12 machines" in message
    assert message.count("-c798-4da7-") == 10


def test_the_default_is_revoked_by_force_only_and_never_deleted(tokens, omni):
    for params in ({"revoked": True}, {"state": "absent"}, {"state": "absent", "force": True}):
        assert "is Omni's default, with which machines boot; make another one the default" in tokens.refuse(name="initial token", **params)
    assert tokens.converge(name="initial token", revoked=True, force=True)["join_token"]["state"] == "revoked"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"name": "a-name-longer-than-16-chars"}, "name: 'a-name-longer-than-16-chars' has 27 characters; Omni wants 1 to 16"),
        ({"name": ""}, "name: '' has 0 characters"),
        ({"name": "berlin", "expiry": "soon"}, "expiry: 'soon' is no end; write a lifetime as in 90d, a date"),
        ({"name": "berlin", "expiry": "2020-01-01"}, "expiry: 2020-01-01 is over"),
        ({"name": "initial token", "expiry": "2020-01-01"}, "would have ended at 2020-01-01T00:00:00Z; revoke it"),
        ({"name": "initial token", "default": False}, "is Omni's default, and one must be"),
        ({"name": "berlin", "default": True, "revoked": True}, "default and revoked: machines could not join"),
        ({"name": "old", "default": True}, "is revoked; machines could not join with it"),
        ({"name": "berlin", "revoked": True}, "no join token called 'berlin' that could be revoked"),
        ({"token_hash": "sha256:00000000", "default": True}, "Omni has no join token sha256:00000000; omni_join_token_info lists them"),
        ({"token_hash": "sha256:00000000", "name": "berlin"}, "Omni has no join token sha256:00000000 called 'berlin'"),
        ({}, "one of the following is required: name, token_hash"),
    ],
)
def test_what_is_refused(tokens, omni, params, words):
    omni.state.revoke_token(omni.state.create_token("old"))
    assert words in tokens.refuse(**params)


def test_an_expired_token_is_said_to_be(modules, omni):
    omni.state.create_token("berlin", "2020-01-01T00:00:00Z")
    result = modules.run(MODULE, {**omni.params, "name": "berlin"})
    assert (result["changed"], result["join_token"]["state"]) == (False, "expired")
    assert [text for text in warnings(result) if "has expired; machines cannot join with it" in text]


def test_it_takes_an_admin(modules, omni):
    key = create_account(omni.state, "op", "Operator")
    assert "has the role Operator, this needs Admin" in modules.refuse(MODULE, {**omni.params, "service_account_key": key, "name": "berlin"})


@pytest.mark.parametrize(("left", "later"), [(13, 90), (15, 0), (-1, 90), (-80, 180)])
def test_a_token_that_ends_soon_is_renewed(tokens, omni, left, later):
    """By its lifetime, in days, as often as it takes."""
    ends = int(omni.state.clock()) + left * 86400
    token = omni.state.create_token("berlin", show_time(ends))
    assert tokens.converge(name="berlin", expiry="90d", renew_before="14d")["changed"] is bool(later)
    assert omni.state.read()["tokens"][token]["expiration_time"] == show_time(ends + later * 86400)


def test_a_renewal_is_foretold_to_the_second(modules, omni):
    """Also if the clock shows another one when it is made."""
    omni.state.create_token("berlin", show_time(omni.state.clock() + 86400))
    params = {**omni.params, "name": "berlin", "expiry": "90d", "renew_before": "14d"}
    foretold = modules.run(MODULE, params, check=True)
    time.sleep(1)
    assert foretold["changed"]
    assert modules.run(MODULE, params) == foretold


def test_a_token_that_never_ends_needs_no_renewal(tokens, omni):
    omni.state.create_token("berlin")
    assert not tokens.converge(name="berlin", expiry="90d", renew_before="14d")["changed"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"renew_before": "14d"}, "missing parameter(s) required by 'renew_before': expiry"),
        ({"renew_before": "soon", "expiry": "90d"}, "renew_before: 'soon' is no span of time; write a number with m, h, d or w, as in 90d"),
        ({"renew_before": "14d", "expiry": "2099-01-01"}, "expiry: '2099-01-01' is no span of time; write a number with m, h, d or w, as in 90d"),
    ],
)
def test_renewals_that_cannot_be_meant(tokens, omni, params, message):
    omni.state.create_token("berlin", show_time(omni.state.clock() + 86400))
    assert tokens.refuse(name="berlin", **params) == message
