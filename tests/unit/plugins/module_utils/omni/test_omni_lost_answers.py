"""Tokens and accounts when Omni did what it was asked and its answer was lost, or when it was never asked: nothing is made twice, nothing is lost."""

from __future__ import annotations

import time

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.errors import OmniError, UnreachableError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.join_token_calls import apply_token, is_settled, read_tokens
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.join_tokens import JoinToken, Wish, find_token, plan_token
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.key_file import KeyFile
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.service_accounts import Wish as AccountWish
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.service_accounts import apply_account, find_account, plan_absent, plan_present

pytest_plugins = ["support.omni"]


class Cut(OmniClient):
    """A client that loses the answer to each of its first changes: those that arrive (``True``), and those that do not."""

    arrives = [True]
    reads = True

    def write(self, *arguments, **options):
        if not self.arrives:
            return super().write(*arguments, **options)
        if self.arrives[0]:
            super().write(*arguments, **options)
        self.arrives = self.arrives[1:]
        raise UnreachableError("the connection broke off")

    def read(self, *arguments, **options):
        if not self.reads:
            raise UnreachableError("the connection broke off", sent=False)
        return super().read(*arguments, **options)


NEVER = [False] * 10


@pytest.fixture
def cut(omni) -> Cut:
    return Cut(omni.server.endpoint, ServiceAccount(omni.key), ca_path=omni.ca_path, timeout=10, sleep=lambda _seconds: None)


def have_token(client, **wanted) -> JoinToken | None:
    tokens, wish, now = read_tokens(client), Wish(**wanted), time.time()
    return apply_token(client, plan_token(wish, find_token(tokens, wish, now), now), tokens)


def have_account(client, path, **changes):
    wish, file = AccountWish(**{"name": "berlin", "role": "Reader", "lifetime": "365d", "renew_before": 86400, **changes}), KeyFile(str(path))
    plan = plan_present(wish, find_account(client, wish.name), file, time.time())
    apply_account(client, plan, wish, file)
    return plan


def names(omni) -> list[str]:
    return sorted(token["name"] for token in omni.state.read()["tokens"].values())


def test_a_token_whose_answer_was_lost_is_found(omni, cut):
    made = have_token(cut, name="munich", expiry="90d")
    assert names(omni) == ["initial token", "munich"]
    assert omni.state.read()["tokens"][made.secret]["name"] == "munich"


def test_a_token_that_was_not_made_is_asked_for_again(omni, cut):
    cut.arrives = [False, True]
    have_token(cut, name="munich")
    assert names(omni) == ["initial token", "munich"]


def test_a_token_that_is_never_made_is_made_by_the_next_run(omni, cut):
    cut.arrives = NEVER
    with pytest.raises(UnreachableError):
        have_token(cut, name="munich")
    assert names(omni) == ["initial token"]
    have_token(omni.client(), name="munich")
    assert names(omni) == ["initial token", "munich"]


def test_a_status_that_does_not_follow_is_waited_for_some_seconds(omni):
    pauses: list[float] = []
    client = omni.client(sleep=pauses.append)
    (token,) = read_tokens(client)
    assert is_settled(client, token)
    assert pauses == []
    assert not is_settled(client, JoinToken(token.secret, token.name, token.created, revoked=True, default=True))
    assert sum(pauses) == pytest.approx(5)


@pytest.mark.parametrize("arrives", [[True], [False, True], [False, False]])
@pytest.mark.parametrize("action", ["create", "renew"])
def test_a_key_that_omni_took_is_kept_though_answers_were_lost(omni, cut, tmp_path, action, arrives):
    path, cut.arrives = tmp_path / "omni.key", arrives
    if action == "renew":
        have_account(omni.client(), path, lifetime="1h", renew_before=60)
    assert have_account(cut, path).action == action
    assert ServiceAccount(path.read_text()).fingerprint in find_account(omni.client(), "berlin").keys
    assert [entry.name for entry in tmp_path.iterdir()] == ["omni.key"]


@pytest.mark.parametrize("action", ["create", "renew"])
def test_a_key_that_omni_refuses_is_dropped(omni, tmp_path, action):
    path = tmp_path / "omni.key"
    if action == "renew":
        have_account(omni.client(), path, lifetime="1h", renew_before=60)
    before = path.read_text() if path.exists() else None
    omni.fail("answer", status=500, body='{"code": 2, "message": "no luck"}', skip=1)
    with pytest.raises(OmniError, match="no luck"):
        have_account(omni.client(), path)
    assert (path.read_text() if path.exists() else None) == before
    assert not (tmp_path / "omni.key.new").exists()


@pytest.mark.parametrize(("arrives", "action"), [([True], "take over"), (NEVER, "create")])
def test_a_key_of_which_nothing_can_be_told_waits_for_the_next_run(omni, cut, tmp_path, arrives, action):
    path = tmp_path / "omni.key"
    wish, file = AccountWish("berlin", "Reader", "365d", 86400), KeyFile(str(path))
    plan = plan_present(wish, None, file, time.time())
    cut.reads, cut.arrives = False, arrives
    with pytest.raises(UnreachableError):
        apply_account(cut, plan, wish, file)
    assert not path.exists()
    assert have_account(omni.client(), path).action == action
    assert list(find_account(omni.client(), "berlin").keys) == [ServiceAccount(path.read_text()).fingerprint]
    assert [entry.name for entry in tmp_path.iterdir()] == ["omni.key"]


@pytest.mark.parametrize(("arrives", "gone"), [([True], True), ([False, True], True), (NEVER, False)])
def test_an_account_is_gone_or_it_is_said(omni, cut, tmp_path, arrives, gone):
    path = tmp_path / "omni.key"
    have_account(omni.client(), path)
    cut.arrives = arrives
    wish, file = AccountWish("berlin", None, "365d", 86400), KeyFile(str(path))
    plan = plan_absent("berlin", find_account(cut, "berlin"), file, "automation", time.time())
    if gone:
        apply_account(cut, plan, wish, file)
    else:
        with pytest.raises(UnreachableError):
            apply_account(cut, plan, wish, file)
    assert (find_account(omni.client(), "berlin") is None, path.exists()) == (gone, not gone)
