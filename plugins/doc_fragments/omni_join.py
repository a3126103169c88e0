# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which join parameters modules ask Omni for, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """The options are those of ``JOIN`` in ``module_utils/omni/arguments.py``."""

    DOCUMENTATION = r"""
options:
  join_token:
    description:
      - The join token that machines are to use.
      - Without it and O(join_token_name), the token that is Omni's default.
    type: str
  join_token_name:
    description: Name of the join token that machines are to use. Exactly one active token must have it.
    type: str
  use_grpc_tunnel:
    description:
      - Whether machines reach Omni through gRPC only, for networks in which WireGuard (UDP) does not pass.
      - Without it, as this Omni enforces it for all machines.
    type: bool
"""
