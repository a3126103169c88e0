# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options by which ``omni_*`` modules find their Omni and say which join parameters they mean (fragments ``omni`` and ``omni_join``)."""

from __future__ import annotations

from ansible.module_utils.basic import env_fallback

from ..common.argspec import ArgumentSpec
from ..common.errors import InputError
from .auth import ServiceAccount, require_libraries
from .client import OmniClient

CONNECTION = ArgumentSpec(
    options={
        "endpoint": {"type": "str", "fallback": (env_fallback, ["OMNI_ENDPOINT"])},
        "service_account_key": {"type": "str", "no_log": True, "fallback": (env_fallback, ["OMNI_SERVICE_ACCOUNT_KEY"])},
        "ca_path": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 30},
    }
)

JOIN = ArgumentSpec(
    options={
        "join_token": {"type": "str", "no_log": True},
        "join_token_name": {"type": "str", "no_log": False},
        "use_grpc_tunnel": {"type": "bool"},
    },
    mutually_exclusive=[("join_token", "join_token_name")],
)


def connect(params: dict) -> OmniClient:
    """The client for a module's parameters. No request is made yet."""
    require_libraries()
    if not params["service_account_key"]:
        raise InputError("Omni's service-account key is missing; set option service_account_key or environment variable OMNI_SERVICE_ACCOUNT_KEY")
    if params["timeout"] < 1:
        raise InputError(f"timeout: {params['timeout']} is no number of seconds to wait; give 1 or more")
    return OmniClient(
        params["endpoint"],
        ServiceAccount(params["service_account_key"]),
        ca_path=params["ca_path"],
        validate_certs=params["validate_certs"],
        timeout=params["timeout"],
    )
