"""Changes under a running engine count from the next request on, as they did with a real Matchbox v0.11.0."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

from support import recordings

CHANGES = json.loads((recordings.RECORDINGS / "changes.json").read_text())


class Site:
    """The recorded seed, and what was done to it."""

    def __init__(self, root: pathlib.Path) -> None:
        recordings.lay_out("seed", root)
        self.root, self.data = root, root / "data"
        self.groups, self.profiles = self.data / "groups", self.data / "profiles"
        self.new, self.worker, self.node1 = self.groups / "new.json", self.profiles / "worker.json", self.groups / "node1.json"
        self.kept = {path: path.read_text() for path in (self.worker, self.node1)}

    def group(self, profile: str) -> str:
        return json.dumps({"profile": profile, "selector": {"os": "x"}})

    def replace(self, path: pathlib.Path, text: str) -> None:
        (self.data / "staged").write_text(text)
        (self.data / "staged").rename(path)

    def overwrite(self, path: pathlib.Path, text: str) -> None:
        """In place: inode, size and modification time stay."""
        status = path.stat()
        with path.open("r+") as file:
            file.write(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (path.stat().st_ino, path.stat().st_size, path.stat().st_mtime_ns) == (status.st_ino, status.st_size, status.st_mtime_ns)

    def put_back(self, path: pathlib.Path) -> None:
        path.write_text(self.kept[path])

    def link_groups(self, name: str) -> None:
        (self.data / "next").symlink_to(self.root / name)
        (self.data / "next").rename(self.groups)

    def groups_become_a_link(self) -> None:
        shutil.copytree(self.groups, self.root / "copy")
        self.groups.rename(self.root / "before")
        self.link_groups("copy")

    def link_to_default_only(self) -> None:
        (self.root / "only").mkdir()
        shutil.copy(self.root / "before/default.json", self.root / "only")
        self.link_groups("only")

    def back_to_a_folder(self) -> None:
        self.groups.unlink()
        (self.root / "before").rename(self.groups)

    def put_the_old_data_back(self) -> None:
        self.data.rmdir()
        (self.root / "away").rename(self.data)


def steps(site: Site):
    """What was done, in the words of the recording, and how to do it here."""
    half = site.group("cp")[: len(site.group("cp")) // 2]
    asset = site.root / "assets/new"
    return [
        ("start", lambda: None),
        ("write groups/new.json {profile: cp, selector: {os: x}}", lambda: site.new.write_text(site.group("cp"))),
        ("replace groups/new.json by rename: profile big", lambda: site.replace(site.new, site.group("big"))),
        ("replace it again within the same second, same size: profile cp with a blank", lambda: site.replace(site.new, site.group("cp") + " ")),
        ("overwrite it in place, same inode, same size, same modification time: profile big", lambda: site.overwrite(site.new, site.group("big"))),
        ("cut it to nothing", lambda: site.new.write_text("")),
        ("first half of the new text", lambda: site.new.write_text(half)),
        ("whole text", lambda: site.new.write_text(site.group("cp"))),
        ("remove it", site.new.unlink),
        ("cut profiles/worker.json to nothing", lambda: site.worker.write_text("")),
        ("put it back", lambda: site.put_back(site.worker)),
        ("remove the profile before the group", site.worker.unlink),
        ("remove the group too", site.node1.unlink),
        ("group first, profile not yet there", lambda: site.put_back(site.node1)),
        ("profile arrives", lambda: site.put_back(site.worker)),
        ("rename groups away", lambda: site.groups.rename(site.data / "away")),
        ("put it back", lambda: (site.data / "away").rename(site.groups)),
        ("replace the folder groups by a link to a copy", site.groups_become_a_link),
        ("point the link elsewhere (folder with default only)", site.link_to_default_only),
        ("back to a folder", site.back_to_a_folder),
        ("move the whole data folder away", lambda: site.data.rename(site.root / "away")),
        ("make it anew, empty", site.data.mkdir),
        ("put the old one back", site.put_the_old_data_back),
        ("a file appears under assets", lambda: asset.write_text("x\n")),
        ("and is replaced", lambda: asset.write_text("yy\n")),
        ("and is removed", asset.unlink),
    ]


def test_every_change_counts_from_the_next_request_on(served):
    site = Site(served.root / "changing")
    served.switch("changing")
    recorded = [change for change in CHANGES if "do" in change]
    done = steps(site)
    assert [change["do"] for change in recorded] == [words for words, _do in done]
    for change, (words, do) in zip(recorded, done):
        do()
        for target, status, body in change["answers"]:
            got_status, got = served.get(target)
            assert (got_status, sorted(got.split("\n"))) == (status, sorted(body.split("\n"))), f"after: {words}"
