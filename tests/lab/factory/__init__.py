"""The lab Image Factory: a stand-in that answers as Talos' Image Factory does, as far as its answers are in use.

It is a :class:`lab.downloads.Downloads` (same log, same faults by path, releases beside it) that also serves, from what is
laid below ``root`` as Talos publishes it (:func:`lab.downloads.put_talos_release`)::

    with Factory(tmp_path) as factory:
        put_talos_release(tmp_path, "v1.11.4", kernel, initramfs)
        factory.fault(f"/image/{factory.create({})}/v1.11.4/kernel-amd64", "reset", at=1000, times=1)

``POST /schematics``
    201 with ``{"id", "schematic"}`` for YAML or JSON; the id goes by the content, so creating again changes nothing. Unknown fields: 400.
``GET /versions`` and ``/versions?broken=true``
    All versions that have a release, and ``listed`` ones that have none; those in ``broken`` are in both lists.
``HEAD, GET /image/<schematic>/<version>/<file>``
    ``kernel-<arch>``, ``initramfs-<arch>.xz`` and ``cmdline-metal-<arch>[-secureboot]``, with ranges. The kernel is the release's. The
    initramfs is the release's with the schematic at its end, the command line has the schematic's arguments.
    The first request for a file takes ``build_seconds``. GET redirects to the same path at ``cdn``, if that is set.
``….sha256``, ``….sha512``, ``….sigstore.json``
    402, as at the public Factory.
``GET /version/<version>/extensions/official``
    Two extensions.

As a program: ``python -m lab.factory`` with the options of ``lab.downloads``, and ``--listed VERSION``, ``--broken VERSION`` (both repeatable),
``--build-seconds N`` and ``--cdn URL``.
"""

from .schematics import EMPTY_ID, schematic_id
from .server import Factory

__all__ = ["EMPTY_ID", "Factory", "schematic_id"]
