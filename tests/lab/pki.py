"""A certificate authority of the lab and certificates signed by it."""

from __future__ import annotations

import hashlib
import ipaddress
import pathlib

from . import clock
from .system import command

# Made as if a month ago: a controller whose clock is a little slow must not fail at the certificate first.
MADE = "-30d"

CONFIGURATION = """
[req]
prompt = no
distinguished_name = name
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {alternatives}
"""


def authority(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Certificate and key of the authority of ``directory`` (one per run: ``run.state / "pki"``), made at the first call."""
    certificate, key = directory / "ca.crt", directory / "ca.key"
    if not certificate.exists():
        directory.mkdir(parents=True, exist_ok=True)
        _request(directory / "ca", CONFIGURATION.format(name="lab authority", alternatives="DNS:unused"), "authority")
    return certificate, key


def certificate(directory: pathlib.Path, names_and_addresses: list[str]) -> tuple[pathlib.Path, pathlib.Path]:
    """Certificate and key of a server with these DNS names and addresses, signed by the authority of ``directory``."""
    signer, signer_key = authority(directory)
    stem = hashlib.sha256(" ".join(names_and_addresses).encode()).hexdigest()[:12]
    alternatives = ", ".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in names_and_addresses)
    configuration = CONFIGURATION.format(name=names_and_addresses[0], alternatives=alternatives)
    return _request(directory / f"server-{stem}", configuration, "server", "-CA", signer, "-CAkey", signer_key)


def _request(path: pathlib.Path, configuration: str, extensions: str, *signer: object) -> tuple[pathlib.Path, pathlib.Path]:
    certificate, key, file = (path.with_suffix(suffix) for suffix in (".crt", ".key", ".cnf"))
    file.write_text(configuration)
    request = ["req", "-x509", "-config", file, "-extensions", extensions, "-days", 400, "-out", certificate]
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key]
    command("openssl", *request, *new_key, *signer, env=clock.environment(MADE))
    return certificate, key


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
