# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Join tokens as they are and as they should be; :mod:`.join_token_calls` asks Omni and does what is planned here.

A token is named by its name and its short hash, never by itself.
"""

from __future__ import annotations

import dataclasses

from ..boot.kernel_args import token_hash
from ..common.errors import InputError
from .lifetimes import is_lifetime, is_soon, parse_expiry, parse_lifetime, renewed_end, show_time

NAME_LENGTH = 16
"""Characters of a name. Some versions of Omni take a longer one for a new token and refuse every change of that token then."""

# Seconds by which Omni's clock and that of whoever made a token may differ; Omni refuses requests beyond it.
_MAX_SKEW = 300

_SHOWN_MACHINES = 10


@dataclasses.dataclass(frozen=True)
class JoinToken:
    """A join token. ``secret`` is the token itself, empty for one that is yet to be made; times are seconds since the epoch.

    ``machines`` are the ids of those that joined with it and were given no token of their own: they live in RAM, or have been
    powered off. They would not be let in again without this token.
    """

    secret: str = dataclasses.field(repr=False)
    name: str
    created: float
    expires: float | None = None
    revoked: bool = False
    default: bool = False
    machines: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """The short hash under which the collection shows this token."""
        return token_hash(self.secret)

    def state(self, now: float) -> str:
        """``active``, ``revoked`` or ``expired``."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def __str__(self) -> str:
        return f"join token {self.name!r} ({self.hash})"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What somebody wants of a token; ``None`` leaves a thing as it is. ``expiry`` and ``renew_before`` are as people write them."""

    name: str | None = None
    token_hash: str | None = None
    present: bool = True
    expiry: str | None = None
    renew_before: str | None = None
    default: bool | None = None
    revoked: bool | None = None
    force: bool = False

    @classmethod
    def from_params(cls, params: dict) -> Wish:
        """Out of a module's parameters."""
        names = ("name", "token_hash", "expiry", "renew_before", "default", "revoked", "force")
        return cls(present=params["state"] == "present", **{name: params[name] for name in names})


@dataclasses.dataclass(frozen=True)
class TokenPlan:
    """A token before and after; ``None`` is no token. ``lifetime`` is how the end of a new one was written, if as a span of time."""

    before: JoinToken | None
    after: JoinToken | None
    lifetime: str | None = None

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after

    def diff(self) -> dict:
        """Before and after, without the token. The end of a new token is not known to the second until it is made."""
        after = _view(self.after)
        if self.lifetime and not self.before:
            after["expires"] = f"{self.lifetime} after it is made"
        return {"before": _view(self.before), "after": after}


def find_token(tokens: list[JoinToken], wish: Wish, now: float) -> JoinToken | None:
    """The token that is meant. Names need not be unique: of several, the only active one counts, unless one is to be deleted."""
    found = [token for token in tokens if wish.name in (None, token.name) and wish.token_hash in (None, token.hash)]
    if len(found) > 1 and wish.present:
        found = [token for token in found if token.state(now) == "active"] or found
    if len(found) > 1:
        hashes = ", ".join(sorted(token.hash for token in found))
        raise InputError(f"name: Omni has {len(found)} join tokens called {wish.name!r}; say by token_hash which of them is meant: {hashes}")
    return found[0] if found else None


def plan_token(wish: Wish, found: JoinToken | None, now: float) -> TokenPlan:
    """What is to be done about the token that was ``found``; an :class:`InputError` if it cannot be, or would lose machines."""
    if wish.default and wish.revoked:
        raise InputError("default and revoked: machines could not join with a default token that is revoked; ask for one of the two")
    if not wish.present:
        if found:
            _refuse_loss(wish, found, "delete")
        return TokenPlan(found, None)
    after = _changed(wish, found, now) if found else _new(wish, now)
    if after.default and after.state(now) != "active" and not (found and found.default):
        raise InputError(f"default: {after} is {after.state(now)}; machines could not join with it; name an active one")
    if found and after.revoked and not found.revoked:
        _refuse_loss(wish, found, "revoke")
    return TokenPlan(found, after, wish.expiry if wish.expiry and is_lifetime(wish.expiry) else None)


def _new(wish: Wish, now: float) -> JoinToken:
    """The token that is to be made."""
    if wish.token_hash:
        called = f" called {wish.name!r}" if wish.name else ""
        raise InputError(f"token_hash: Omni has no join token {wish.token_hash}{called}; omni_join_token_info lists them")
    if wish.revoked:
        raise InputError(f"revoked: Omni has no join token called {wish.name!r} that could be revoked; omni_join_token_info lists them")
    if not wish.name or len(wish.name) > NAME_LENGTH:
        raise InputError(f"name: {wish.name!r} has {len(wish.name or '')} characters; Omni wants 1 to {NAME_LENGTH} of a join token's name")
    expires = parse_expiry(wish.expiry, now, "expiry") if wish.expiry else None
    if expires is not None and expires <= now:
        raise InputError(f"expiry: {wish.expiry} is over; machines could not join with such a token")
    return JoinToken("", wish.name, now, expires, default=bool(wish.default))


def _changed(wish: Wish, found: JoinToken, now: float) -> JoinToken:
    """The token that is there, as it should be."""
    if wish.default is False and found.default:
        raise InputError(f"default: {found} is Omni's default, and one must be; make another one the default instead")
    expires = _expires(wish, found, now)
    if expires != found.expires and expires is not None and expires <= now:
        raise InputError(f"expiry: with {wish.expiry}, {found} would have ended at {show_time(expires)}; revoke it if that is what is meant")
    revoked = found.revoked if wish.revoked is None else wish.revoked
    return dataclasses.replace(found, expires=expires, revoked=revoked, default=found.default or bool(wish.default))


def _expires(wish: Wish, found: JoinToken, now: float) -> float | None:
    """When the token is to end. A lifetime counts from its making: by our clock then, and by Omni's in what is found now.

    One that is to be renewed ends when it does, and when that is soon, a lifetime later.
    """
    if not wish.expiry:
        return found.expires
    if wish.renew_before:
        if not is_soon(found.expires, now, wish.renew_before, "renew_before"):
            return found.expires
        return renewed_end(found.expires, now, parse_lifetime(wish.expiry, "expiry"), parse_lifetime(wish.renew_before, "renew_before"))
    wanted = parse_expiry(wish.expiry, found.created, "expiry")
    if is_lifetime(wish.expiry) and found.expires is not None and wanted is not None and abs(wanted - found.expires) <= _MAX_SKEW:
        return found.expires
    return wanted


def _refuse_loss(wish: Wish, found: JoinToken, verb: str) -> None:
    """Raise if this would lock out machines that have nothing but this token, or all that boot from now on."""
    if found.default and (verb == "delete" or not wish.force):
        raise InputError(f"{found} is Omni's default, with which machines boot; make another one the default before you {verb} it")
    if found.machines and not wish.force:
        machines = ", ".join(found.machines[:_SHOWN_MACHINES]) + (", ..." if len(found.machines) > _SHOWN_MACHINES else "")
        raise InputError(
            f"{found} is all that {len(found.machines)} machines have to be let in with ({machines}); boot them with another token, install them,"
            f" or remove them from Omni before you {verb} it; with force they are left outside when they or Omni start again"
        )


def describe(token: JoinToken, now: float) -> dict:
    """A token as modules return it."""
    return {
        "name": token.name,
        "token_hash": token.hash if token.secret else None,
        "state": token.state(now),
        "default": token.default,
        "expiration": None if token.expires is None else show_time(token.expires),
    }


def _view(token: JoinToken | None) -> dict:
    if token is None:
        return {}
    view = {"name": token.name, "expires": "never" if token.expires is None else show_time(token.expires)}
    return {**view, "default": token.default, "revoked": token.revoked, **({"token": token.hash} if token.secret else {})}
