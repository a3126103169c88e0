# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules for a data directory share; the documentation fragment ``matchbox_data`` describes them."""

from __future__ import annotations

from ..common.argspec import ArgumentSpec

DATA_SPEC = ArgumentSpec(options={"data_path": {"type": "path", "default": "/var/lib/matchbox"}})
WRITE_SPEC = ArgumentSpec(options={"mode": {"type": "raw", "default": "0640"}}, add_file_common_args=True).merged(DATA_SPEC)
JOIN_ARGS_SPEC = ArgumentSpec(options={"join_args": {"type": "list", "elements": "str", "no_log": True}})
SITE_SPEC = ArgumentSpec(
    options={
        "classes": {"type": "dict", "default": {}, "no_log": True},
        "machines": {"type": "dict", "default": {}},
        "images": {"type": "list", "elements": "dict"},
        "profiles": {"type": "list", "elements": "dict", "default": [], "no_log": True},
        "groups": {"type": "list", "elements": "dict", "default": []},
        "purge": {"type": "str", "choices": ["managed", "all", "none"], "default": "managed"},
        "scope": {"type": "str", "default": "site"},
    }
).merged(JOIN_ARGS_SPEC)
# The options of SITE_SPEC that may hold a join token.
SITE_SECRETS = ("classes", "profiles", "join_args")
