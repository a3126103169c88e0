"""Kinds of machines, by what they say of themselves when they ask for an address, and what each of them shall load."""

from __future__ import annotations

from lab.hosts import Host
from support import dhcp

# How iPXE shows that it is iPXE.
IPXE = {"user-class": {dhcp.USER_CLASS: b"iPXE"}, "option-175": {dhcp.IPXE: b"\x01\x01\x01"}}

# By option 93. 7 and 9 both mean UEFI x64 in practice; 12 is no arm64, though it is taken for it here and there.
PROGRAMS = {
    0: "packaged/undionly.kpxe",
    6: "",
    7: "packaged/snponly.efi",
    9: "packaged/snponly.efi",
    10: "",
    11: "packaged/ipxe-arm64.efi",
    12: "",
    22: "",
    41: "",
}
OVER_HTTP = {15: "", 16: "packaged/snponly.efi", 18: "", 19: "packaged/ipxe-arm64.efi", 20: ""}


def expected(host: Host, architecture: int) -> str:
    """What a host of its Debian release has for machines of that kind; iPXE for arm64 came with Debian 13."""
    program = {**PROGRAMS, **OVER_HTTP}[architecture]
    return program if host.suite == "trixie" or "arm64" not in program else ""
