"""Where downloads come from."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.urls import folder_url, local_path, source_url


@pytest.mark.parametrize(
    ("written", "url", "path"),
    [
        ("https://mirror.example.com/talos/", "https://mirror.example.com/talos", None),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080", None),
        ("/srv/talos files", "file:///srv/talos%20files", "/srv/talos files"),
        ("file:///srv/talos/", "file:///srv/talos", "/srv/talos"),
        ("file://localhost/srv/talos", "file:///srv/talos", "/srv/talos"),
    ],
)
def test_what_can_be_written(written, url, path):
    assert folder_url(written, "release_url") == url
    assert local_path(url) == path


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("srv/talos", "neither an http, https or file URL nor an absolute path"),
        ("ftp://mirror.example.com", "neither an http"),
        ("https://", "neither an http"),
        ("file://elsewhere/srv", "neither an http"),
        ("https://[::1", "this is no URL"),
        ("https://mirror.example.com/talos?token=geheim", "cannot have '?' or '#'"),
        ("https://deploy:geheim@mirror.example.com", "no credentials in it; put them into ~/.netrc"),
    ],
)
def test_what_cannot(written, message):
    with pytest.raises(InputError) as error:
        folder_url(written, "release_url")
    assert str(error.value).startswith("release_url: ")
    assert message in str(error.value)
    assert "geheim" not in str(error.value)


def test_a_file_may_have_a_query():
    assert source_url("https://keys.example.com/lookup?op=get", "key") == "https://keys.example.com/lookup?op=get"
