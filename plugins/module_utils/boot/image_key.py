# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name under which an image with a schematic is known: in paths, plans, logs and diffs. Pure.

The schematic's own id is as good as a join token, since the Image Factory tells its arguments to whoever knows it. The image key
comes from what goes into the schematic, so that it is known before anything is created, and nothing can be asked for with it.
"""

from __future__ import annotations

import hashlib
import json


def image_key(customization: dict, join_args: list[str]) -> str:
    """16 hexadecimal digits for what JSON can hold of a customization, with the three join arguments that go into the image."""
    content = json.dumps([customization, join_args], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
