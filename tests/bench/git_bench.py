"""git.*: what stock git waits for, direct and through the gateway, in turn in the same run: milliseconds, medians.

Both ways end at the same nginx + fcgiwrap + `git http-backend`, with Basic authentication; everything on loopback. Through the gateway
means: token, policies over what the push really changes (history, paths, secrets), durable audit, the upstream's credential.

  git.ls_remote                 git.clone (a repository of 9 MB)
  git.push_1kb|100kb|1mb|5mb|100mb         one commit with one new random file, onto a branch where pushes are allowed
  git.push_held_1kb|100kb|1mb|5mb          the same onto main: until git has its answer, "held for approval"; peer: the allowed push, direct
  git.memory                    MB by which the gateway's process was at most larger than when it was idle
Ends by itself in less than three minutes: a figure gets fewer rounds when its time is up, but at least three (one of 100 MB).
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from git_harness import Clone, GitWorld  # noqa: E402

SIZES = {"1kb": 1 << 10, "100kb": 100 << 10, "1mb": 1 << 20, "5mb": 5 << 20, "100mb": 100 << 20}
NAME = "bench/app"


class Bench:
    def __init__(self, world, scale):
        self.world, self.scale = world, scale
        self.figures = {}  # name -> {"direct": [ms], "countersign": [ms]}
        self._number = 0

    def address(self, side):
        return self.world.server.url(NAME) if side == "direct" else self.world.url(NAME)

    def measure(self, name, prepare, rounds, seconds, at_least=3):
        """prepare(side) -> what is timed; sides in turn, and each first as often as the other. What is long is not warmed up."""
        runs = {"direct": [], "countersign": []}
        if at_least >= 3:
            prepare("direct")()
            prepare("countersign")()
        until = time.monotonic() + seconds * self.scale
        for i in range(max(at_least, round(rounds * self.scale))):
            if i >= at_least and time.monotonic() > until:
                break
            for side in sorted(runs, reverse=i % 2 == 1):
                work = prepare(side)
                begin = time.perf_counter()
                work()
                runs[side].append((time.perf_counter() - begin) * 1000)
        self.figures[name] = runs

    def ls_remote(self, side):
        return lambda: self.world.git("ls-remote", self.address(side))

    def clone(self, side):
        folder = self.world.folder / "cloned"
        shutil.rmtree(folder, ignore_errors=True)
        return lambda: self.world.git("clone", "-q", self.address(side), str(folder))

    def push(self, size, held):
        """A function that commits one new file of `size` bytes on top of the host's main and returns the push of it."""
        clone = Clone(self.world, self.world.folder / "work")

        def prepare(side):
            self._number += 1
            clone.git("checkout", "-q", "--detach", "origin/main")
            clone.commit(f"number {self._number}", {f"data/{self._number}.bin": os.urandom(size)})
            target = "main" if held and side == "countersign" else f"work-{self._number}"

            def work():
                done = self.world.git("push", self.address(side), f"HEAD:refs/heads/{target}", cwd=clone.folder, timeout=300)
                if held and side == "countersign" and "refs/approvals/" not in done.text:
                    raise SystemExit(f"the push was not held:\n{done!r}")
            return work

        return prepare

    def run(self):
        self.measure("git.ls_remote", self.ls_remote, 25, 8)
        self.measure("git.clone", self.clone, 9, 12)
        for label, rounds, seconds, at_least in (("1kb", 21, 12, 3), ("100kb", 15, 10, 3), ("1mb", 9, 10, 3), ("5mb", 7, 15, 3)):
            self.measure(f"git.push_{label}", self.push(SIZES[label], held=False), rounds, seconds, at_least)
            self.measure(f"git.push_held_{label}", self.push(SIZES[label], held=True), rounds, seconds, at_least)
        so_far = peak(self.world)
        self.measure("git.push_100mb", self.push(SIZES["100mb"], held=False), 2, 30, at_least=1)
        return so_far


def status(world, key):
    for line in pathlib.Path(f"/proc/{world.gateway.process.pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no {key} in the process's status")


def peak(world):
    return status(world, "VmHWM")


def seed(world):
    """A repository of about 9 MB: 40 commits over 400 files."""
    world.server.create(NAME)
    folder = world.folder / "work"
    world.git("init", "-q", "-b", "main", str(folder))
    clone = Clone(world, folder)
    for commit in range(40):
        files = {f"src/{commit % 8}/part-{i}.bin": os.urandom(22_000) for i in range(commit * 10, commit * 10 + 10)}
        clone.commit(f"commit {commit}", files)
    clone.push("-q", world.server.url(NAME), "main")
    clone.git("remote", "add", "origin", world.server.url(NAME))
    clone.git("fetch", "-q", "origin")


def rows(bench, idle, small, large):
    for name, runs in bench.figures.items():
        value, peer = statistics.median(runs["countersign"]), statistics.median(runs["direct"])
        yield {"suite": "git", "name": name, "value": round(value, 2), "unit": "ms", "peer": "direct", "peer_value": round(peer, 2),
               "ratio": round(value / peer, 3), "difference": round(value - peer, 2), "min": round(min(runs["countersign"]), 2),
               "max": round(max(runs["countersign"]), 2), "peer_min": round(min(runs["direct"]), 2),
               "peer_max": round(max(runs["direct"]), 2), "rounds": len(runs["direct"])}
    for name, value in (("git.memory_5mb", small - idle), ("git.memory_100mb", large - idle)):
        yield {"suite": "git", "name": name, "value": round(value, 1), "unit": "MB", "peer": "idle", "peer_value": round(idle, 1),
               "ratio": round((value + idle) / idle, 3)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--scale", type=float, default=1.0, help="of rounds and of the time they may take")
    arguments = parser.parse_args()
    with GitWorld() as world:
        seed(world)
        world.token()
        idle = status(world, "VmRSS")
        bench = Bench(world, arguments.scale)
        small = bench.run()
        large = peak(world)
        if arguments.json:
            for row in rows(bench, idle, small, large):
                print(json.dumps(row))
            return
        print(f"{'':24}{'direct ms':>26}{'countersign ms':>28}{'added ms':>10}{'ratio':>8}{'rounds':>8}")
        for row in rows(bench, idle, small, large):
            if row["unit"] == "ms":
                direct = f"{row['peer_value']:.1f} ({row['peer_min']:.1f}–{row['peer_max']:.1f})"
                ours = f"{row['value']:.1f} ({row['min']:.1f}–{row['max']:.1f})"
                print(f"{row['name']:24}{direct:>26}{ours:>28}{row['difference']:>10.1f}{row['ratio']:>8.2f}{row['rounds']:>8}")
            else:
                print(f"{row['name']:24}{row['peer_value']:>23.1f} MB{row['value']:>20.1f} MB more at most")


main()
