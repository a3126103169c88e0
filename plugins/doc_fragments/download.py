# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that download."""

from __future__ import annotations


class ModuleDocFragment:
    """What :data:`..module_utils.common.download.DOWNLOAD_SPEC` takes."""

    DOCUMENTATION = r"""
options:
  ca_path:
    description:
      - File with the certificates of the authorities that may vouch for the server, in PEM format, on the host that downloads.
      - Takes the place of the authorities that the host trusts. Without it, those are used.
    type: path
  validate_certs:
    description: Whether the server's certificate must be valid.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for the server, for the connection and for each block of data.
      - Proxies are taken from the environment (C(https_proxy), C(no_proxy)) and credentials from C(~/.netrc) of the host that downloads.
    type: int
    default: 30
  retries:
    description: How often a download that was interrupted is tried again, after 1, 2, 4 … 30 seconds. One that goes on meanwhile is not given up.
    type: int
    default: 4
  redirect_hosts:
    description:
      - Hosts to which a server may redirect, besides itself, with all hosts below these names. GitHub keeps the files of its releases there.
      - A redirect to any other host is refused.
    type: list
    elements: str
    default: [githubusercontent.com]
"""
