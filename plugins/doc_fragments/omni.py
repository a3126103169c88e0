# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all ``omni_*`` modules have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection to Omni; the options are those of ``module_utils/omni/arguments.py``."""

    DOCUMENTATION = r"""
options:
  endpoint:
    description:
      - Address of Omni, as in V(https://omni.example.com) or V(https://omni.example.com:8443), without a path.
      - Taken from the environment variable E(OMNI_ENDPOINT) if not given.
    type: str
  service_account_key:
    description:
      - Key of an Omni service account, whole, as Omni or C(omnictl serviceaccount create) showed it.
      - Taken from the environment variable E(OMNI_SERVICE_ACCOUNT_KEY) if not given.
      - Set that variable for C(ansible-playbook) itself. What the keyword C(environment) of a task or play holds is shown by Ansible at C(-vvv).
    type: str
  ca_path:
    description:
      - PEM file of the authority that signed Omni's certificate, or a directory of such files as OpenSSL reads it.
      - Without it, what the system trusts. E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE) make no difference.
    type: path
  validate_certs:
    description:
      - Whether Omni's certificate must be valid.
      - Leave it at V(true). A request to Omni is good for five minutes, with any content, for whoever could read it on its way.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for each answer.
    type: int
    default: 30
requirements:
  - python >= 3.9
  - pysequoia >= 0.1.35
  - requests
notes:
  - Runs where Omni is to be asked from, as a rule the controller. Delegate it to V(localhost), see the examples.
  - The clocks of Omni and of the host that asks may differ by five minutes at most.
"""
