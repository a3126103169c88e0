"""Which releases of Matchbox are believed."""

from __future__ import annotations

import datetime
import hashlib
import pathlib

import pysequoia
import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import OmniMatchboxError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox import release as matchbox_release
from pysequoia import packet
from support.releases import PATH, Publisher, archive, program

ACCESS = Access(timeout=5)
FOLDER = "matchbox-v0.11.0-linux-amd64"

# Made with GnuPG and its clock in January 2020: a key without an end, and its signature of the line below, for one day.
OLD_CONTENT = b"a release\n"
OLD_KEY = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEXgvhABYJKwYBBAHaRw8BAQdAUW2TrJaejzH/kLktr8itY0b55V1b0QZaP8Ud
eUVtHWm0Ek9sZCByZWxlYXNlcyAobGFiKYiQBBMWCAA4FiEEvp5fvdo6mfBAmjoX
HfE/xjU68CgFAl4L4QACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQHfE/
xjU68ChlSgEA7A79CGpZ8j8LAcL8p8FcaQ5I0Zi7snNnAyJzKDcDLBgA/02bIXHf
TTHtv09vldo1cI+OtEVGvZJvS69Xez7CqQkM
=gVY2
-----END PGP PUBLIC KEY BLOCK-----
"""
OLD_FINGERPRINT = "BE9E5FBDDA3A99F0409A3A171DF13FC6353AF028"
EXPIRED_SIGNATURE = """-----BEGIN PGP SIGNATURE-----

iHsEABYIACMWIQS+nl+92jqZ8ECaOhcd8T/GNTrwKAUCXg0ygAWDAAFRgAAKCRAd
8T/GNTrwKLJ0AP96LlOJ/Zq1smGwZ3vxaLHlTllBUfXOOSAArGqoj6mH3QEA3eB8
no6ezncHXP6v1HU14zIJxKC3PsnKgPGc/5G9tgI=
=RS4g
-----END PGP SIGNATURE-----
"""


@pytest.fixture
def publisher(tmp_path):
    """The project, with a folder of its own."""
    return Publisher(tmp_path)


@pytest.fixture
def params(publisher):
    """What a playbook says to have v0.11.0 from that folder."""
    return {
        "version": "v0.11.0",
        "architecture": "amd64",
        "release_url": str(publisher.root / PATH),
        "key": str(publisher.key),
        "fingerprint": publisher.fingerprint,
        "archive": None,
        "archive_sha256": None,
        "archive_signature": None,
    }


def proven(params):
    """The program that was believed, and its stamp."""
    with matchbox_release.verified_program(matchbox_release.Release.from_params(params), ACCESS) as (path, stamp):
        return pathlib.Path(path).read_bytes(), stamp


def refusal(params):
    with pytest.raises(OmniMatchboxError) as error:
        proven(params)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_the_key_signed_is_believed(publisher, params):
    publisher.publish()
    content, stamp = proven(params)
    assert content == program("amd64", b"v0.11.0")
    assert stamp.fits(matchbox_release.Release.from_params(params))


@pytest.mark.parametrize("version", ["0.11.0", "v0.11.0"])
@pytest.mark.parametrize("fingerprint", [str.lower, lambda text: " ".join(text[i : i + 4] for i in range(0, 40, 4))])
def test_spellings(publisher, params, version, fingerprint):
    publisher.publish()
    params.update(version=version, fingerprint=fingerprint(publisher.fingerprint))
    assert proven(params)[1].version == "v0.11.0"


def test_the_key_is_found_among_others_and_may_be_binary(publisher, params):
    publisher.publish()
    other = pysequoia.Tsk.generate("Somebody else").extract_certificate()
    publisher.key.write_bytes(bytes(other) + bytes(publisher.certificate))
    assert proven(params)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "latest"}, "version: 'latest' is no version of Matchbox; write it in full, such as v0.11.0"),
        ({"version": "v0.11.0/../x"}, "is no version of Matchbox"),
        ({"fingerprint": "8F515AD1602065C8"}, "fingerprint: write all 40 hexadecimal digits"),
        ({"release_url": "releases"}, "release_url: 'releases' is neither"),
        ({"key": "key.asc"}, "key: 'key.asc' is neither"),
        ({"version": "v9.9.9"}, "Matchbox v9.9.9 for amd64 is not there: "),
        ({"architecture": "arm64"}, "Matchbox v0.11.0 for arm64 is not there: "),
        ({"archive": ""}, "archive: '' is neither"),
        ({"archive": "/archive.tar.gz"}, "archive_sha256: nothing proves the archive; give its SHA-256 digest, or its signature with archive_signature"),
        ({"archive": "/archive.tar.gz", "archive_sha256": "5f2c"}, "archive_sha256: write all 64 hexadecimal digits"),
        (
            {"archive": "/no.tar.gz", "archive_sha256": "0" * 64},
            "/no.tar.gz does not exist on the host that downloads; correct version, release_url or archive",
        ),
        ({"archive": "/archive.tar.gz", "archive_signature": "archive.asc"}, "archive_signature: 'archive.asc' is neither"),
        ({"key": None}, "key: '' is neither"),
    ],
)
def test_wrong_options(publisher, params, change, message):
    publisher.publish()
    params.update(change)
    assert message in refusal(params)


@pytest.fixture
def given(publisher, params, tmp_path):
    """An archive that lies elsewhere, under another name, with its signature; no release is published and no key is named."""
    file = tmp_path / "built.tar.gz"
    file.write_bytes(archive({f"{FOLDER}/matchbox": program()}))
    publisher.sign(file)
    params.update(archive=str(file), release_url="/nowhere")
    return file


def sha256(file: pathlib.Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_archive_of_ones_own_is_believed_by_its_signature(params, given):
    params["archive_signature"] = f"{given}.asc"
    content, stamp = proven(params)
    assert (content, stamp.archive_sha256) == (program(), "")


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_an_archive_of_ones_own_is_believed_by_its_digest(params, given, monkeypatch, spelled):
    monkeypatch.setattr(matchbox_release, "pysequoia", None)
    params.update(archive_sha256=spelled(sha256(given)), key=None)
    content, stamp = proven(params)
    assert (content, stamp.archive_sha256, stamp.fingerprint) == (program(), sha256(given), "")


def test_another_digest(params, given):
    params.update(archive_sha256="0" * 64)
    assert refusal(params) == (
        f"file://{given} is not used: its SHA-256 digest is {sha256(given)}, not {'0' * 64}; it was damaged or replaced, or archive_sha256 is that of another"
    )


def test_a_digest_and_a_signature_have_to_hold_both(publisher, params, given):
    params.update(archive_sha256=sha256(given), archive_signature=f"{given}.asc")
    assert proven(params)
    publisher.sign(given, pysequoia.Tsk.generate("Somebody else"))
    assert "is not what the key" in refusal(params)


def test_an_archive_of_ones_own_of_another_version(params, given):
    params.update(archive_sha256=sha256(given), version="v0.12.0")
    assert "has no file matchbox-v0.12.0-linux-amd64/matchbox, so it is another release under this name" in refusal(params)


def test_another_digest_asks_for_another_program(params, given):
    params["archive_sha256"] = sha256(given)
    stamp = proven(params)[1]
    assert stamp.fits(matchbox_release.Release.from_params(params))
    assert not stamp.fits(matchbox_release.Release.from_params({**params, "archive_sha256": "0" * 64}))


def test_a_tampered_archive(publisher, params):
    file = publisher.publish()
    file.write_bytes(file.read_bytes() + b"\0")
    assert f"file://{file} is not used: it is not what the key {publisher.fingerprint} signed" in refusal(params)


def test_the_signature_of_another_key(publisher, params):
    file = publisher.publish()
    publisher.sign(file, pysequoia.Tsk.generate("Somebody else"))
    signature = pysequoia.Sig.from_file(str(file) + ".asc")
    assert f"(its signature names the key {signature.issuer_fingerprint.upper()}); it was damaged or replaced" in refusal(params)


def test_the_signature_of_another_release(publisher, params):
    file, older = publisher.publish(), publisher.publish("v0.10.0")
    file.with_name(f"{file.name}.asc").write_bytes(older.with_name(f"{older.name}.asc").read_bytes())
    assert "is not what the key" in refusal(params)


def test_an_expired_signature(publisher, params):
    file = publisher.publish(content=OLD_CONTENT)
    file.with_name(f"{file.name}.asc").write_text(EXPIRED_SIGNATURE)
    publisher.key.write_text(OLD_KEY)
    params["fingerprint"] = OLD_FINGERPRINT
    assert refusal(params) == f"file://{file} is not used: its signature expired on 2020-01-03"


def test_a_key_that_had_expired_when_it_signed(publisher, params):
    publisher.publish()
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    publisher.key.write_text(str(publisher.certificate.set_expiration(yesterday, publisher.secret.certifier())))
    assert f"the key expired on {yesterday:%Y-%m-%d}, before it was signed; get a current copy of the key" in refusal(params)


def test_a_revoked_key(publisher, params):
    publisher.publish()
    revocation = publisher.certificate.revoke(publisher.secret.certifier())
    publisher.key.write_bytes(bytes(publisher.certificate) + bytes(revocation))
    assert refusal(params).endswith("is not used: the key is revoked")


def test_another_key_than_the_pinned_one(publisher, params):
    publisher.publish()
    params["fingerprint"] = matchbox_release.FINGERPRINT
    assert refusal(params) == (
        f"key: file://{publisher.key} has the key {publisher.fingerprint}, not the expected {matchbox_release.FINGERPRINT};"
        " give the project's key or its fingerprint"
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (b"", "has the key none, not the expected"),
        (b"<html>", "is no OpenPGP public key"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----", "is no OpenPGP public key"),
    ],
)
def test_what_is_no_key(publisher, params, key, message):
    publisher.publish()
    publisher.key.write_bytes(key)
    assert message in refusal(params)


def test_a_key_without_a_self_signature(publisher, params):
    publisher.publish()
    bare = pysequoia.Cert.from_packets(list(packet.PacketPile.from_bytes(bytes(publisher.certificate)))[:1])
    publisher.key.write_bytes(bytes(bare))
    assert "cannot be used: No binding signature" in refusal(params)


@pytest.mark.parametrize("signature", [b"", b"<html>", b"-----BEGIN PGP SIGNATURE-----"])
def test_what_is_no_signature(publisher, params, signature):
    file = publisher.publish()
    file.with_name(f"{file.name}.asc").write_bytes(signature)
    assert refusal(params) == f"file://{file}.asc is no OpenPGP signature"


def test_no_signature_at_all(publisher, params):
    file = publisher.publish()
    file.with_name(f"{file.name}.asc").unlink()
    assert "Matchbox v0.11.0 for amd64 is not there: " in refusal(params)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # Signed by the project, and not what the name says.
        (archive({"matchbox-v0.10.0-linux-amd64/matchbox": program()}), f"has no file {FOLDER}/matchbox, so it is another release under this name"),
        (archive({f"{FOLDER}/other": program(), f"{FOLDER}/matchbox": "other"}), f"has no file {FOLDER}/matchbox"),
        (archive({f"{FOLDER}/matchbox": program("arm64")}), "is no Linux program for amd64"),
        (archive({f"{FOLDER}/matchbox": b"#!/bin/sh"}), "is no Linux program for amd64"),
        (b"not an archive", "cannot be unpacked: not a gzip file"),
        (archive({f"{FOLDER}/matchbox": program()})[:60], "cannot be unpacked: "),
    ],
    ids=["older", "link", "arm64", "script", "no-archive", "cut-off"],
)
def test_signed_archives_that_are_something_else(publisher, params, content, message):
    publisher.publish(content=content)
    assert message in refusal(params)


def test_no_path_of_an_archive_is_written_to(publisher, params, tmp_path):
    hostile = {"../../../../escaped": b"1", f"{tmp_path}/absolute": b"2", f"{FOLDER}/link": "/", f"{FOLDER}/link{tmp_path}/through": b"3"}
    publisher.publish(content=archive({**hostile, f"{FOLDER}/matchbox": program()}))
    before = sorted(tmp_path.rglob("*"))
    assert proven(params)[0] == program()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_program_that_was_changed_is_not_the_installed_one(publisher, params, tmp_path):
    publisher.publish()
    dest = str(tmp_path / "bin/matchbox")
    with matchbox_release.verified_program(matchbox_release.Release.from_params(params), ACCESS) as (path, stamp):
        matchbox_release.install(path, stamp, dest)
    assert matchbox_release.read_stamp(dest) == stamp
    (tmp_path / "bin/matchbox").write_bytes(b"changed")
    assert matchbox_release.read_stamp(dest) is None
    (tmp_path / "bin/matchbox.release.json").write_text("[]")
    assert matchbox_release.read_stamp(dest) is None
