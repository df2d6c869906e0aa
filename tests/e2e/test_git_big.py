"""A large repository passes in both directions, and the gateway's memory does not grow with it."""
import os
import re
import shutil
import subprocess
import unittest

from git_harness import GROWTH, MAIN, Clone, GitTest, request_of

MIB = 1 << 20
SIZE = int(os.environ.get("COUNTERSIGN_BIG_MIB", "500"))
FILES = 5


def memory(pid):
    """(most memory ever in use, in use now), in bytes."""
    with open(f"/proc/{pid}/status") as file:
        text = file.read()
    return tuple(int(re.search(rf"{name}:\s+(\d+) kB", text).group(1)) << 10 for name in ("VmHWM", "VmRSS"))


class Big(GitTest):
    def make(self):
        """A repository on the host whose main holds SIZE MiB that cannot be compressed."""
        name = "team/big"
        self.server.create(name)
        for key, value in (("core.compression", "0"), ("core.bigFileThreshold", "1m"), ("pack.window", "0")):
            self.server.git(name, "config", key, value)
        process = subprocess.Popen(["git", "-C", str(self.server.path(name)), "fast-import", "--quiet"], stdin=subprocess.PIPE)
        feed = process.stdin
        feed.write(b"commit refs/heads/main\ncommitter Ada <ada@example.com> 1767312000 +0000\ndata 3\nbig\n")
        for number in range(FILES):
            feed.write(b"M 100644 inline file%d.bin\ndata %d\n" % (number, SIZE // FILES * MIB))
            for _ in range(SIZE // FILES):
                feed.write(os.urandom(MIB))
            feed.write(b"\n")
        feed.close()
        self.assertEqual(process.wait(), 0)
        return name

    def keeping(self, name):
        """An empty repository on the host that keeps packs as they come: loose objects would be compressed first."""
        self.server.create(name)
        self.server.git(name, "config", "receive.unpackLimit", "1")

    def warm(self):
        """What a first fetch and push need anyway is not counted."""
        name = self.world.repository("team/small")
        work = self.world.clone(name)
        work.commit("warm", {"warm.bin": os.urandom(MIB)})
        work.push("-q", "origin", "HEAD:warm")
        return memory(self.gateway.process.pid)[0]

    def assert_bounded(self, before, what):
        grown = memory(self.gateway.process.pid)[0] - before
        print(f"{what} of {SIZE} MiB: the gateway's memory grew by {grown / MIB:.1f} MiB to {(before + grown) / MIB:.1f} MiB", flush=True)
        self.assertLess(grown, GROWTH, what)

    def test_clone_push_and_held_push(self):
        before = self.warm()
        name = self.make()
        folder = self.world.folder_for("big")
        self.world.git("clone", "-q", "--no-checkout", self.world.url(name), str(folder), timeout=400)
        work = Clone(self.world, folder)
        tip = self.server.refs(name)[MAIN]
        self.assertEqual(work.rev("origin/main"), tip)
        self.assert_bounded(before, "clone")
        outcome = self.world.recorded(name, phase="outcome", action="git:fetch")
        self.assertEqual(outcome["outcome"], "ok")

        work.git("config", "core.compression", "0")
        self.keeping("team/copy")
        work.push("-q", self.world.url("team/copy"), "origin/main:refs/heads/feature", timeout=400)
        self.assert_landed("team/copy", "refs/heads/feature", tip)
        self.assert_bounded(before, "push")
        shutil.rmtree(self.server.path("team/copy"))

        self.keeping("team/held")
        request = request_of(work.push(self.world.url("team/held"), f"origin/main:{MAIN}", timeout=400))
        self.assertEqual(self.refs("team/held"), {})
        self.world.approve(request)
        self.assertEqual(self.world.finished(request, 300), "done")
        self.assert_landed("team/held", MAIN, tip)
        self.assert_bounded(before, "held push")
        self.server.git("team/held", "fsck", "--connectivity-only")


if __name__ == "__main__":
    unittest.main(verbosity=1)
