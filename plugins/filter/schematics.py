# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``schematics``."""

from __future__ import annotations


def schematics(images, classes, made):
    """The ids of schematics by image key."""
    by_omni = {result["image_key"]: result["schematic_id"] for result in made if "schematic_id" in result}
    named = {image["key"]: classes[name]["schematic"] for image in images for name in image["classes"] if classes[name].get("schematic")}
    return {**by_omni, **named}


class FilterModule:
    """What Ansible asks a filter plugin for."""

    def filters(self):
        """The filters by name."""
        return {"schematics": schematics}
