# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service accounts of Omni and the files with their keys: made, renewed in time, deleted.

Omni knows the public halves of an account's keys only. A renewal adds a key; the ones before it stay good until they expire.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..common.errors import InputError
from .account_key import BACKDATED, identity_of, is_word, new_key
from .changes import change_once
from .client import MANAGEMENT, OmniClient
from .errors import NotFoundError, OmniError
from .key_file import MODE, HeldKey, KeyFile
from .lifetimes import parse_lifetime, parse_time, show_time

LONGEST = 365 * 86400
"""Seconds that a key may be valid for, by Omni."""


@dataclasses.dataclass(frozen=True)
class Account:
    """An account as Omni knows it. ``keys`` are when each of its keys expires, in seconds since the epoch, by fingerprint."""

    name: str
    role: str
    keys: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is wanted of an account; ``lifetime`` is as people write it, ``renew_before`` in seconds."""

    name: str
    role: str | None
    lifetime: str
    renew_before: int

    @classmethod
    def from_params(cls, params: dict) -> Wish:
        """Out of a module's parameters; raises :class:`InputError`."""
        if not is_word(params["name"]) or "@" in params["name"]:
            raise InputError(f"name: {params['name']!r} is no name for an account; give one word without '@', as in site-berlin")
        lifetime, renew_before = (parse_lifetime(params[option], option) for option in ("lifetime", "renew_before"))
        if lifetime > LONGEST:
            raise InputError(f"lifetime: {params['lifetime']} is more than the 365d that Omni allows a key")
        if renew_before > lifetime * 0.9:
            raise InputError(f"renew_before: {params['renew_before']} is nearly all of the lifetime of {params['lifetime']}; every run would make a new key")
        return cls(params["name"], params["role"], params["lifetime"], renew_before)


@dataclasses.dataclass(frozen=True)
class AccountPlan:
    """What is to be done, one of ``create``, ``renew``, ``take over`` (a key that was left beside), ``protect``, ``delete``, ``remove file``, or nothing."""

    action: str
    before: dict
    after: dict
    removes_file: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.action)

    def diff(self) -> dict:
        """Before and after, without any key."""
        return {"before": self.before, "after": self.after}


def find_account(client: OmniClient, name: str) -> Account | None:
    """The account called ``name``. Needs the role Admin."""
    for account in client.read(MANAGEMENT + "ListServiceAccounts", {}).get("service_accounts", []):
        if account["name"] == name:
            keys = {key["id"]: parse_time(key["expiration"]) for key in account.get("pgp_public_keys", [])}
            return Account(name, account.get("role", "None"), keys)
    return None


def plan_present(wish: Wish, account: Account | None, file: KeyFile, now: float) -> AccountPlan:
    """Have the account, and in the file a key of it that is good for longer than ``renew_before``. Reads the file only."""
    held = file.held()
    if held and held.name != wish.name:
        raise InputError(f"key_path: {file.path} holds the key of service account {held.name}; name another path")
    if account and account.role != wish.role:
        raise InputError(
            f"role: service account {wish.name} has the role {account.role}, and Omni changes no role;"
            f" delete the account first (state=absent) if it is to be {wish.role}"
        )
    before = _view(account, held, file.path, now)
    action, key = _action(wish, account, held, file.left_beside(), now)
    after = {"name": wish.name, "role": wish.role, "key": key or before["key"], "key_path": file.path, "mode": f"{MODE:04o}"} if action else before
    return AccountPlan(action, before, after)


def plan_absent(name: str, account: Account | None, file: KeyFile | None, own_name: str, now: float) -> AccountPlan:
    """Have no such account, and no key of it in the file, if one is named."""
    if name == own_name and account:
        raise InputError(f"name: {name} is the account whose key is used to ask Omni; use another one to delete it")
    held = file.held() if file else None
    ours = held if held and held.name == name else None
    action = "delete" if account else "remove file" if ours else ""
    return AccountPlan(action, _view(account, ours, file.path if file else "", now), {}, removes_file=ours is not None)


def apply_account(client: OmniClient, plan: AccountPlan, wish: Wish, file: KeyFile | None) -> None:
    """Do what is planned."""
    if plan.action in ("create", "renew"):
        _bring_key(client, plan.action, wish, file)
    elif plan.action == "take over":
        file.take_over()
    elif plan.action == "protect":
        file.protect()
    elif plan.action == "delete":
        _destroy(client, wish.name)
    if plan.removes_file:
        file.remove()


def describe(account: Account | None) -> dict | None:
    """An account as the module returns it."""
    if account is None:
        return None
    keys = [{"fingerprint": fingerprint, "expiration": show_time(end)} for fingerprint, end in sorted(account.keys.items(), key=lambda item: item[1])]
    return {"name": account.name, "identity": identity_of(account.name), "role": account.role, "keys": keys}


def _action(wish: Wish, account: Account | None, held: HeldKey | None, beside: HeldKey | None, now: float) -> tuple[str, str]:
    """What to do, and the key that the file holds then, in words."""
    if account is None:
        return "create", f"new, valid for {wish.lifetime}"

    def good(key: HeldKey | None) -> bool:
        return key is not None and account.keys.get(key.fingerprint, 0) - now > wish.renew_before

    if good(held):
        return ("protect", "") if held.mode != MODE else ("", "")
    if good(beside):
        return "take over", _key_view(account, beside, now)
    return "renew", f"new, valid for {wish.lifetime}"


def _bring_key(client: OmniClient, action: str, wish: Wish, file: KeyFile) -> None:
    """Make a key, have Omni accept it, put it in place."""
    key = new_key(wish.name, min(parse_lifetime(wish.lifetime, "lifetime") + BACKDATED, LONGEST))
    body: dict[str, t.Any] = {"name": wish.name, "armored_pgp_public_key": key.public}
    if action == "create":
        # Left out, Omni would give the account the role of whoever asks.
        body.update(role=wish.role, use_user_role=False)
    file.put_beside(key.text)

    def look() -> dict | None:
        account = find_account(client, wish.name)
        return {} if account and key.fingerprint in account.keys else None

    try:
        change_once(client, f"{MANAGEMENT}{action.capitalize()}ServiceAccount", body, look)
    except OmniError as error:
        # Where nobody can tell whether Omni took the key, it stays: the next run can.
        if not error.sent:
            file.drop_beside()
        raise
    file.take_over()


def _destroy(client: OmniClient, name: str) -> None:
    try:
        change_once(client, MANAGEMENT + "DestroyServiceAccount", {"name": name}, lambda: None if find_account(client, name) else {})
    except NotFoundError:
        return


def _view(account: Account | None, held: HeldKey | None, path: str, now: float) -> dict:
    """An account and the file with its key, as a diff shows them."""
    known = {"name": account.name, "role": account.role, "key": _key_view(account, held, now)} if account else {}
    return {**known, "key_path": path, "mode": f"{held.mode:04o}"} if held else known


def _key_view(account: Account, held: HeldKey | None, now: float) -> str:
    if held is None:
        return "none in the file"
    end = account.keys.get(held.fingerprint)
    if end is None:
        return f"{held.fingerprint}, which Omni does not know"
    return f"{held.fingerprint}, {'expired' if end <= now else 'valid until'} {show_time(end)}"
