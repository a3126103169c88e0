# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the Image Factory, on the controller: which versions it has, and for images that it makes from a schematic.

No message holds a schematic id: it is as good as the join token.
"""

from __future__ import annotations

import ssl
import sys
import time
import typing as t

from ..boot.kernel_args import redact
from ..common.download import content_length
from ..common.errors import InputError, OmniMatchboxError
from ..common.urls import folder_url
from .custom import image_url
from .version import Version

try:
    import requests
except ImportError:
    requests = None

_PAUSES = (0.5, 2, 5)
"""Seconds to wait before each further attempt."""
_OWN_CHOICE = "check omni_matchbox_factory_url (empty: the Image Factory is not asked)"


class FactoryError(OmniMatchboxError):
    """The Image Factory did not do what was asked."""


class FactoryUnreachable(FactoryError):
    """Nothing came from it."""


class FactoryUnavailable(FactoryError):
    """It is up and cannot answer now."""


class NotAtFactory(FactoryError):
    """It does not have what was asked for."""


class ImageFactory:
    """One Image Factory. ``timeout`` is in seconds, ``build_timeout`` that for an image, which is made when it is first asked for.

    ``ca_path`` is a PEM file or a folder; without it, what the system trusts. Proxies come from the environment.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_path: str | None = None,
        validate_certs: bool = True,
        timeout: float = 30,
        build_timeout: float = 900,
        sleep: t.Callable[[float], None] = time.sleep,
    ):
        if requests is None:
            raise FactoryError(f"{sys.executable} lacks requests, needed to ask the Image Factory; install with: {sys.executable} -m pip install requests")
        self.url = folder_url(url, "factory_url")
        self._verify = (ca_path or ssl.get_default_verify_paths().cafile or requests.certs.where()) if validate_certs else False
        self._timeout = timeout
        self._build_timeout = build_timeout
        self._sleep = sleep
        self._session = requests.Session()

    def versions(self) -> list[Version]:
        """All versions, pre-releases too, in order and without those that are known to be broken."""
        broken = set(self._versions("/versions?broken=true"))
        return sorted(version for version in self._versions("/versions") if version not in broken)

    def size(self, schematic: str, version: str, name: str) -> int:
        """The size in bytes of a file of an image. If it was never asked for, it is made now, which takes minutes."""
        length = content_length(self._image(schematic, version, name, "HEAD").headers)
        if length is None:
            raise FactoryError(f"{self.url}: {name} of {version}: the Image Factory does not tell its size; look for a proxy that leaves it out")
        return length

    def cmdline(self, schematic: str, version: str, architecture: str, secure_boot: bool = False) -> str:
        """The kernel command line in an image. It holds the schematic's arguments, join arguments too."""
        ending = "-secureboot" if secure_boot else ""
        return self._image(schematic, version, f"cmdline-metal-{architecture}{ending}", "GET").text

    def _versions(self, path: str) -> list[Version]:
        try:
            return [Version.parse(version) for version in self._ask("GET", self.url + path, path, self._timeout).json()]
        except (ValueError, TypeError, InputError):
            raise FactoryError(f"{self.url}{path} answers something that is no list of versions; {_OWN_CHOICE}") from None

    def _image(self, schematic: str, version: str, name: str, method: str):
        return self._ask(method, image_url(self.url, schematic, version, name), f": {name} of {version}", self._build_timeout)

    def _ask(self, method: str, url: str, asked: str, timeout: float):
        for pause in _PAUSES:
            try:
                return self._once(method, url, asked, timeout)
            except (FactoryUnreachable, FactoryUnavailable):
                self._sleep(pause)
        return self._once(method, url, asked, timeout)

    def _once(self, method: str, url: str, asked: str, timeout: float):
        what = f"{self.url}{asked}"
        try:
            answer = self._session.request(method, url, verify=self._verify, timeout=(self._timeout, timeout), allow_redirects=True)
        except requests.exceptions.SSLError:
            raise FactoryError(f"{what}: its certificate is not trusted; name the file of its CA with factory_ca_path") from None
        except requests.exceptions.Timeout:
            raise FactoryUnreachable(f"{what}: nothing came for {timeout} seconds; {_OWN_CHOICE}") from None
        except requests.exceptions.RequestException as error:
            raise FactoryUnreachable(f"{what}: there is no connection ({type(error).__name__}); {_OWN_CHOICE}") from None
        status = answer.status_code
        if status in (404, 410):
            raise NotAtFactory(f"{what}: the Image Factory does not have it")
        if status == 429 or status >= 500:
            raise FactoryUnavailable(f"{what}: the Image Factory answers {status}; run again later")
        if status != 200:
            raise FactoryError(f"{what}: the Image Factory answers {status} {redact(answer.reason or '')}; {_OWN_CHOICE}")
        return answer
