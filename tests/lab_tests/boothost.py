"""A boot host by hand, for the tests of the lab: dnsmasq and nginx with the least that boots a machine."""

from __future__ import annotations

import pathlib
import shutil

from lab.hosts import Host
from lab.segment import NETWORK, ROUTER

INSTALL = ("install", "--no-install-recommends", "dnsmasq", "nginx-light")

DHCP = f"""
dhcp-range={NETWORK}.100,{NETWORK}.149,255.255.255.0,10m
dhcp-option=option:router,{ROUTER}
dhcp-option=option:dns-server,{ROUTER}
dhcp-userclass=set:ipxe,iPXE
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi,option:client-arch,7
dhcp-match=set:arm64,option:client-arch,11
dhcp-vendorclass=set:http,HTTPClient:Arch:00016
dhcp-option-force=tag:http,60,HTTPClient
dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe
dhcp-boot=tag:efi,tag:!ipxe,snponly.efi
dhcp-boot=tag:arm64,tag:!ipxe,ipxe-arm64.efi
dhcp-boot=tag:http,tag:!ipxe,http://{{host}}/snponly.efi
dhcp-boot=tag:ipxe,http://{{host}}/boot.ipxe
"""

PROXY = f"""
dhcp-range={NETWORK}.0,proxy,255.255.255.0
dhcp-userclass=set:ipxe,iPXE
pxe-service=tag:ipxe,x86PC,"script",http://{{host}}/boot.ipxe
pxe-service=tag:!ipxe,x86PC,"undionly",undionly.kpxe
"""

SERVICE = """
port=0
interface=eth0
bind-interfaces
no-ping
log-dhcp
enable-tftp
tftp-root=/srv/tftp
"""

SCRIPT = """#!ipxe
kernel http://{host}/vmlinuz initrd=initramfs.xz console={console} {arguments}
initrd http://{host}/initramfs.xz
boot
"""


def install(host: Host) -> None:
    """Installs dnsmasq and nginx and the network boot programs of this machine."""
    host.exec(["apt-get", "-qq", "update"])
    host.exec(["apt-get", "-qq", "-y", *INSTALL])
    (host.root / "srv/tftp").mkdir(parents=True)
    for name in ("undionly.kpxe", "snponly.efi"):
        shutil.copy(f"/usr/lib/ipxe/{name}", host.root / "srv/tftp")
        shutil.copy(f"/usr/lib/ipxe/{name}", host.root / "var/www/html")


def serve(host: Host, images: pathlib.Path, arguments: str, *, dhcp: str = DHCP, console: str = "ttyS0") -> None:
    """Serves a boot script with these kernel arguments and the images."""
    for name in ("vmlinuz", "initramfs.xz"):
        shutil.copy(images / name, host.root / "var/www/html")
    host.write("/var/www/html/boot.ipxe", SCRIPT.format(host=host.address, console=console, arguments=arguments))
    host.write("/etc/dnsmasq.d/lab.conf", SERVICE + dhcp.format(host=host.address))
    host.exec(["systemctl", "restart", "dnsmasq"])
