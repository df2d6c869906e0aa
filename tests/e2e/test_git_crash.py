"""kill -9 while pushes are held, approved and executed."""
import os
import random
import time
import unittest

from git_harness import MAIN, HoldTest, wait_until


class Crash(HoldTest):
    """kill -9 between the approval and the end of its execution: it lands once, or it says that it does not know."""

    def test_killed_after_the_approval(self):
        chance = random.Random(int(os.environ.get("COUNTERSIGN_SEED", "20261121")))
        landed = 0
        for round_number in range(int(os.environ.get("COUNTERSIGN_KILLS", "6"))):
            name, work, before = self.change(self.world.repository(f"team/kill_{round_number}"))
            self.server.watch(name)
            request = self.hold(name, work)
            self.world.approve(request)
            time.sleep(chance.uniform(0, 0.08))  # where in the execution the kill falls is the point; nothing waits for it
            self.gateway.kill()
            self.gateway.start()
            state = self.world.finished(request)
            pushes, now = len(self.server.attempts(name, MAIN)), self.refs(name)[MAIN]
            self.assertIn(state, ("done", "unknown"), self.world.show(request))
            self.assertLessEqual(pushes, 1, "never sent twice")
            if state == "done":
                self.assertEqual((pushes, now), (1, work.rev()))
            self.assertIn(now, (before[MAIN], work.rev()))
            landed += now == work.rev()
        self.assertGreater(landed, 0)

    def test_killed_while_the_host_works(self):
        name, work, before = self.change()
        hook = self.server.path(name) / "hooks" / "pre-receive"
        attempts = self.server.path(name) / "attempts"
        started, go = self.world.folder / "hook-started", self.world.folder / "hook-go"
        hook.write_text(f'#!/bin/sh\ncat >> "{attempts}"\ntouch "{started}"\nwhile [ ! -e "{go}" ]; do sleep 0.05; done\n')
        hook.chmod(0o755)
        request = self.hold(name, work)
        self.world.approve(request)
        wait_until(started.exists, "the host works on it")
        self.gateway.kill()
        self.gateway.start()
        state = self.world.finished(request)
        go.touch()
        self.assertEqual(state, "unknown", "sent, but nobody knows")
        self.assertEqual(len(self.server.attempts(name, MAIN)), 1, "never sent again by itself")
        unclosed = [r for r in self.world.audit("--request", request) if r["phase"] == "outcome"]
        self.assertEqual([r["outcome"] for r in unclosed], ["unknown"])

    def asked(self, name, request, seconds):
        """What the host is asked between the approval and the push when it answers nothing for so long."""
        before = len(self.server.requests(f"/{name}.git"))
        self.server.pause()
        self.world.approve(request)
        time.sleep(seconds)  # several looks for approved requests that wait
        self.server.resume()
        self.assertEqual(self.world.finished(request), "done")
        rows = [(r["method"], r["path"], r["query"]) for r in self.server.requests(f"/{name}.git")[before:]]
        return rows[:rows.index(("POST", f"/{name}.git/git-receive-pack", ""))]

    def test_a_slow_host_is_not_asked_again_and_again(self):
        counts = []
        for seconds in (0, 4):
            name, work, before = self.change(self.world.repository(f"team/slow_{seconds}"))
            counts.append(len(self.asked(name, self.hold(name, work), seconds)))
            self.assert_landed(name, MAIN, work.rev())
        self.assertEqual(counts[0], counts[1])

    def test_held_pushes_survive(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.world.state(request), "held")
        self.assertEqual(self.hold(name, work), request)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())


if __name__ == "__main__":
    unittest.main(verbosity=1)
