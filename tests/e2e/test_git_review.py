"""What approvers and reviewers see of a held push, and the copies that are kept of what it replaces."""
import os
import subprocess
import unittest

from git_harness import HoldTest
from git_server import git_environment


class Review(HoldTest):
    def test_approvers_see_what_would_land(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        out = self.gateway.cli("request", "show", request, token=self.world.sam, check=0)[1]
        for word in ("src/core/prices.txt", "-tea 2", "+tea 1", "cheaper tea", "main"):
            self.assertIn(word, out)

    # ── reviewers

    def test_reviewers_fetch_the_held_commits(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        reader = self.world.token("ci-runner", extra=("--effects", "read"))
        review = self.world.clone(name, token=reader)
        review.git("fetch", "-q", "origin", f"refs/approvals/{request}")
        self.assertEqual(review.rev("FETCH_HEAD"), work.rev())
        self.assertEqual(review.git("show", "FETCH_HEAD:src/core/prices.txt").out, "espresso 3\ntea 1\n")
        empty = self.world.init()
        empty.git("fetch", "-q", self.world.url(name, token=reader), f"refs/approvals/{request}:refs/heads/review")
        self.assertEqual(empty.rev("review"), work.rev())
        empty.git("fsck")
        listed = self.world.git("ls-remote", self.world.url(name, token=reader), f"refs/approvals/{request}").out.split()
        self.assertEqual(listed[:1], [work.rev()])
        self.assert_unchanged(name, before)

    def test_held_commits_are_for_those_who_may_read_the_repository(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        other = self.world.repository(name + "_other")
        stranger = self.world.token("ci-runner", extra=("--resources", f"origin/{other}"))
        empty = self.world.init()
        self.assertNotEqual(empty.git("fetch", self.world.url(name, token=stranger), f"refs/approvals/{request}", check=None).code, 0)
        self.assertNotEqual(empty.git("fetch", self.world.url(other, token=stranger), f"refs/approvals/{request}", check=None).code, 0)
        self.assertNotEqual(empty.git("fetch", self.world.url(name), "refs/approvals/req_doesnotexist", check=None).code, 0)

    # ── safety copies

    def kept(self, branch="keep/history"):
        name = self.repository()
        work = self.world.clone(name)
        work.git("checkout", "-q", "-b", branch)
        work.commit("precious")
        work.push("-q", "origin", branch)
        return name, work, work.rev()

    def restore(self, name, request, ref, precious):
        """Runs what the record says in a shell, as a person would, from nothing."""
        copies = {r: c for r, c in self.refs(name).items() if r.startswith(f"refs/countersign/backup/{request}/")}
        self.assertEqual(copies, {f"refs/countersign/backup/{request}/{ref.removeprefix('refs/')}": precious})
        details = [r["detail"] for r in self.world.audit("--request", request) if r["phase"] == "outcome" and "restore: " in r.get("detail", "")]
        self.assertEqual(len(details), 1, "the record names the command that restores it")
        commands = details[0].split("restore: ", 1)[1].replace(" URL ", f" {self.server.url(name)} ")
        empty = self.world.init()
        done = subprocess.run(["sh", "-e", "-c", commands], cwd=empty.folder, env=git_environment(self.world.home), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, commands + done.stderr)
        self.assertEqual(self.refs(name)[ref], precious)
        self.assertEqual(sorted(os.listdir(empty.folder)), [".git"], "the command did nothing else")

    def test_an_approved_rewrite_keeps_a_copy_of_what_it_replaced(self):
        name, work, precious = self.kept()
        work.git("commit", "-q", "--amend", "-m", "rewritten")
        request = self.hold(name, work, "--force", "origin", "keep/history")
        self.assertEqual(self.world.show(request)["action"], "git:force_update_ref")
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, "refs/heads/keep/history", work.rev())
        self.restore(name, request, "refs/heads/keep/history", precious)

    def test_names_of_branches_are_not_commands(self):
        branch = "keep/a;touch${IFS}pwned;$(touch${IFS}pwned)`touch${IFS}pwned`'|touch${IFS}pwned&"
        name, work, precious = self.kept(branch)
        request = self.hold(name, work, "--force", "origin", f"HEAD~1:refs/heads/{branch}")
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.restore(name, request, f"refs/heads/{branch}", precious)

    def test_several_copies_of_one_push(self):
        name, work, precious = self.kept()
        work.push("-q", "origin", "keep/history:keep/second")
        request = self.hold(name, work, "origin", ":keep/history", ":keep/second")
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        copies = [r.split("/", 4)[4] for r in self.refs(name) if "/backup/" in r]
        self.assertEqual(copies, ["heads/keep/history", "heads/keep/second"])

    def test_an_approved_deletion_keeps_a_copy(self):
        name, work, precious = self.kept()
        request = self.hold(name, work, "origin", ":keep/history")
        self.assertEqual(self.world.show(request)["action"], "git:delete_ref")
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assertNotIn("refs/heads/keep/history", self.refs(name))
        self.restore(name, request, "refs/heads/keep/history", precious)

    def test_ordinary_approvals_make_no_copies(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assertFalse([r for r in self.refs(name) if "backup" in r])


if __name__ == "__main__":
    unittest.main(verbosity=1)
