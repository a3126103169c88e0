"""One request to the lab Omni, and how it is refused, for everything that answers calls."""

from __future__ import annotations

import dataclasses

from . import resources
from .accounts import ROLES
from .state import State

MANAGEMENT_SERVICE = "/management.ManagementService/"


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def invalid(message: str, code: int = 3) -> ApiError:
    """Refused by a check of what was asked, in Omni's wrapping. Code 7 is about access."""
    wrapped = f"rpc error: code = PermissionDenied desc = {message}" if code == 7 else message
    return ApiError(code, f"failed to validate: 1 error occurred:\n\t* {wrapped}\n\n")


def denied(message: str) -> ApiError:
    """Refused to a role that is too low, as ManagementService says it."""
    return ApiError(7, message)


@dataclasses.dataclass
class Call:
    """One request, after its signature was checked."""

    state: State
    asker: resources.Asker
    content: dict
    method: str
    body: dict
    selector: str = ""


def require(call: Call, role: str, error=denied) -> None:
    """Raise ``error`` if the account that asks has less than this role."""
    has = call.asker.account["role"]
    if ROLES.index(has) < ROLES.index(role):
        raise error(f'unauthorized: access denied: insufficient role: "{has}"')
