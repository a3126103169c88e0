# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``stock_images``; what it does is :mod:`..module_utils.talos.stock`."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from ..module_utils.common.errors import InputError
from ..module_utils.talos.stock import stock_images as images_of


def stock_images(classes):
    """The images of the classes; what is wrong with a class becomes the task's error."""
    try:
        return images_of(classes)
    except InputError as error:
        raise AnsibleFilterError(f"stock_images: {error}") from None


class FilterModule:
    """What Ansible asks a filter plugin for."""

    def filters(self):
        """The filters by name."""
        return {"stock_images": stock_images}
