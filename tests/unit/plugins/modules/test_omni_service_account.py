"""The module omni_service_account as Ansible runs it, against a lab Omni."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import get_resource
from lab.omni.accounts import create_account
from support.secrets import key_texts, seen

pytest_plugins = ["support.omni"]

MODULE = "omni_service_account"


@pytest.fixture
def accounts(modules, omni, tmp_path):
    """Runs the module with all its promises, file and lab Omni watched; no result ever shows a key that is in a file then."""
    modules.elsewhere = omni.state.read
    path = tmp_path / "omni.key"

    def hidden(result):
        keys = [file.read_text().strip() for file in tmp_path.glob("omni.key*") if file.read_text().startswith("ey")]
        assert seen(json.dumps(result), *(text for key in [omni.key, *keys] for text in key_texts(key))) == []
        return result

    class Accounts:
        wanted = {"name": "berlin", "role": "Reader", "key_path": str(path)}

        def converge(self, **params) -> dict:
            return hidden(modules.converge(MODULE, {**omni.params, **self.wanted, **params}))

        def refuse(self, **params) -> str:
            changed = {name: value for name, value in {**omni.params, **self.wanted, **params}.items() if value is not None}
            return hidden(modules.refuse(MODULE, changed))

    accounts = Accounts()
    accounts.path = path
    return accounts


def whoami(omni, key: str) -> dict:
    return get_resource(omni.client(key), "CurrentUsers.omni.sidero.dev", "current", "virtual")["spec"]


def test_the_life_of_an_account(accounts, omni):
    made = accounts.converge(lifetime="2h", renew_before="10m")
    first = accounts.path.read_text().strip()
    assert made["changed"]
    assert made["diff"] == {
        "before": {},
        "after": {"name": "berlin", "role": "Reader", "key": "new, valid for 2h", "key_path": str(accounts.path), "mode": "0600"},
    }
    assert accounts.path.stat().st_mode & 0o7777 == 0o600
    assert whoami(omni, first)["role"] == "Reader"
    account = made["service_account"]
    assert (account["name"], account["identity"], account["role"]) == ("berlin", "berlin@serviceaccount.omni.sidero.dev", "Reader")
    assert [key["fingerprint"] for key in account["keys"]] == [ServiceAccount(first).fingerprint]

    renewed = accounts.converge(lifetime="365d", renew_before="30d")
    second = accounts.path.read_text().strip()
    assert renewed["changed"]
    assert re.fullmatch(r"[0-9a-f]{40}, valid until 20\d\d-.*Z", renewed["diff"]["before"]["key"])
    assert renewed["diff"]["after"]["key"] == "new, valid for 365d"
    assert [key["fingerprint"] for key in renewed["service_account"]["keys"]] == [ServiceAccount(key).fingerprint for key in (first, second)]
    for key in (first, second):
        assert whoami(omni, key)["identity"] == "berlin@serviceaccount.omni.sidero.dev"

    deleted = accounts.converge(state="absent")
    assert (deleted["changed"], deleted["service_account"], deleted["diff"]["after"]) == (True, None, {})
    assert list(accounts.path.parent.iterdir()) == []
    assert "this Omni does not accept the key" in refused(omni, second)


def refused(omni, key: str) -> str:
    with pytest.raises(Exception) as caught:
        whoami(omni, key)
    return str(caught.value)


def test_an_open_file_is_closed(accounts):
    accounts.converge()
    accounts.path.chmod(0o644)
    closed = accounts.converge()
    assert (closed["diff"]["before"]["mode"], closed["diff"]["after"]["mode"]) == ("0644", "0600")
    assert accounts.path.stat().st_mode & 0o7777 == 0o600


def test_a_lost_key_is_replaced(accounts, omni):
    accounts.converge()
    accounts.path.unlink()
    assert accounts.converge()["diff"]["before"]["key"] == "none in the file"
    assert whoami(omni, accounts.path.read_text())["role"] == "Reader"


def test_a_key_that_omni_does_not_know_is_replaced(accounts, omni, make_omni):
    accounts.path.write_text(create_account(make_omni().state, "berlin", "Reader"))
    create_account(omni.state, "berlin", "Reader")
    accounts.path.chmod(0o600)
    assert accounts.converge()["diff"]["before"]["key"].endswith(", which Omni does not know")
    assert whoami(omni, accounts.path.read_text())["role"] == "Reader"


def test_what_a_run_that_was_cut_short_left_is_used(accounts, omni):
    key = create_account(omni.state, "berlin", "Reader", 300 * 86400)
    beside = accounts.path.with_name("omni.key.new")
    beside.write_text(key)
    taken = accounts.converge()
    assert (taken["changed"], accounts.path.read_text(), beside.exists()) == (True, key, False)
    assert accounts.path.stat().st_mode & 0o7777 == 0o600
    assert len(taken["service_account"]["keys"]) == 1


def test_what_a_run_left_that_omni_never_took_is_dropped(accounts, omni, make_omni):
    beside = accounts.path.with_name("omni.key.new")
    beside.write_text(create_account(make_omni().state, "berlin", "Reader"))
    accounts.converge()
    assert whoami(omni, accounts.path.read_text())["role"] == "Reader"
    assert not beside.exists()


def test_deleting_leaves_files_of_others_alone(accounts, omni):
    create_account(omni.state, "berlin", "Reader")
    other = create_account(omni.state, "munich", "Reader")
    accounts.path.write_text(other)
    assert accounts.converge(state="absent")["changed"]
    assert accounts.path.read_text() == other
    assert not accounts.converge(state="absent", key_path=None)["changed"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"role": None}, "state is present but all of the following are missing: role"),
        ({"key_path": None}, "state is present but all of the following are missing: key_path"),
        ({"role": "Bogus"}, "value of role must be one of"),
        ({"name": "auto mation"}, "name: 'auto mation' is no name for an account"),
        ({"name": "berlin@serviceaccount.omni.sidero.dev"}, "give one word without '@'"),
        ({"lifetime": "366d"}, "lifetime: 366d is more than the 365d that Omni allows"),
        ({"lifetime": "long"}, "lifetime: 'long' is no span of time; write a number with m, h, d or w"),
        ({"renew_before": "-1d"}, "renew_before: '-1d' is no span of time"),
        ({"lifetime": "31d"}, "renew_before: 30d is nearly all of the lifetime of 31d"),
        ({"name": "old", "role": "Operator"}, "role: service account old has the role Reader, and Omni changes no role; delete the account first"),
        ({"name": "automation", "state": "absent"}, "name: automation is the account whose key is used to ask Omni"),
        ({"key_path": "/nowhere/omni.key"}, "key_path: there is no folder /nowhere"),
        ({"key_path": "/etc/hostname"}, "key_path: /etc/hostname holds something else than a service-account key"),
        ({"key_path": "/etc"}, "key_path: /etc holds something else"),
    ],
)
def test_what_is_refused(accounts, omni, params, words):
    create_account(omni.state, "old", "Reader")
    assert words in accounts.refuse(**params)
    assert list(accounts.path.parent.iterdir()) == []


def test_a_file_with_the_key_of_another_account_is_not_overwritten(accounts, omni):
    accounts.path.write_text(omni.key)
    assert "holds the key of service account automation; name another path" in accounts.refuse()


def test_what_omni_refuses_leaves_nothing(accounts, modules, omni):
    message = modules.refuse(MODULE, {**omni.params, **accounts.wanted, "name": "infra-provider:lab"}, foreseen=False)
    assert 'infra-provider service accounts must have the role "InfraProvider"' in message
    assert list(accounts.path.parent.iterdir()) == []


def test_it_takes_an_admin(accounts, omni):
    key = create_account(omni.state, "op", "Operator")
    assert "has the role Operator, this needs Admin" in accounts.refuse(service_account_key=key)
