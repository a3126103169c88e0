# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that write a Matchbox data directory."""

from __future__ import annotations


class ModuleDocFragment:
    """What :data:`..module_utils.matchbox.converge.DATA_SPEC` takes."""

    DOCUMENTATION = r"""
options:
  data_path:
    description:
      - The data directory of the boot engine. It must exist; the folders C(profiles) and C(groups) in it are made when they are needed.
      - While a task works there it holds a lock. Another one waits for it for up to a minute.
    type: path
    default: /var/lib/matchbox
  mode:
    description: Permissions of the files. A profile holds the join token, so others should not read it.
    type: raw
    default: "0640"
  group:
    description:
      - Group of the files; the boot engine must be in it, or it answers every machine with C(404).
      - Without it, the files get the group that O(data_path) has.
    type: str
attributes:
  check_mode:
    description: Tells exactly what the run then changes.
    support: full
  diff_mode:
    description: Shows every file that changes, by its path; a join token is shown as a short hash.
    support: full
  idempotent:
    description: The same input makes the same files, byte for byte.
    support: full
  platform:
    description: Linux.
    platforms: linux
    support: full
"""

    JOIN_ARGS = r"""
options:
  join_args:
    description:
      - The three kernel arguments by which a machine finds Omni, C(siderolink.api), C(talos.events.sink) and C(talos.logging.kernel), as
        Omni shows them.
      - They take the place of the argument C(@join_args@) in profiles. The first of them holds a secret, the join token.
    type: list
    elements: str
"""
