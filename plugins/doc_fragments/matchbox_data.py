# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules for a Matchbox data directory."""

from __future__ import annotations


class ModuleDocFragment:
    """What the specifications in :mod:`..module_utils.matchbox.options` take."""

    DOCUMENTATION = r"""
options:
  data_path:
    description:
      - The data directory of the boot engine. It must exist; where the folders C(profiles) and C(groups) in it do not, nothing is in them.
      - While a task works there it holds a lock. Another one waits for it for up to a minute.
    type: path
    default: /var/lib/matchbox
attributes:
  platform:
    description: Linux.
    platforms: linux
    support: full
"""

    READ = r"""
options: {}
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: N/A
"""

    WRITE = r"""
options:
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
    description:
      - Shows every file that changes, by its path; a join token is shown as a short hash.
      - Shows which machines boot something else afterwards.
    support: full
  idempotent:
    description: The same input makes the same files, byte for byte.
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

    SITE = r"""
options:
  classes:
    description:
      - The classes of the site, by name. Each becomes a profile with Talos' own kernel arguments, those of the class and O(join_args).
      - This is what the variable C(omni_matchbox_classes) holds.
    type: dict
    default: {}
  machines:
    description:
      - The machines that boot another class than the default, or whose identity matters, by name. Each becomes a group.
      - This is what the variable C(omni_matchbox_machines) holds.
    type: dict
    default: {}
  images:
    description: The image of each class. Without it, each class boots the stock image of its Talos version.
    type: list
    elements: dict
  profiles:
    description: Further profiles, whole, in Matchbox's schema; see M(usableapps.omni_matchbox.matchbox_profile).
    type: list
    elements: dict
    default: []
  groups:
    description: Further groups, whole, in Matchbox's schema; see M(usableapps.omni_matchbox.matchbox_group).
    type: list
    elements: dict
    default: []
  purge:
    description:
      - What is removed of that which is no longer wanted.
      - V(managed) is what an earlier run with the same O(scope) wrote, and no other scope wants.
      - V(all) is every profile and group in the data directory.
      - V(none) is nothing; a later run with V(managed) still knows what it may remove.
    type: str
    choices: [managed, all, none]
    default: managed
  scope:
    description: A name for what this task manages, so that several tasks can share a data directory.
    type: str
    default: site
"""
