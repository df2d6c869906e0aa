"""Pushes that people must approve: held without a second push, executed once, bound to what was asked."""
import os
import signal
import subprocess
import threading
import unittest

from git_harness import FLUSH, MAIN, HoldTest, command, report_of, request_of, wait_until


class Hold(HoldTest):
    def test_a_held_push_says_so_and_lands_once_approved_without_another(self):
        name, work, before = self.change()
        self.server.watch(name)
        seen = work.rev("origin/main")
        done = work.push("origin", "main")
        request = request_of(done)
        self.assertIn(f"main -> refs/approvals/{request}", done.err)
        remote = [line for line in done.err.splitlines() if line.startswith("remote:")]
        self.assertIn(request, "\n".join(remote))
        self.assertIn(f"/requests/{request}", "\n".join(remote), "the link")
        self.assertIn("nothing has landed", "\n".join(remote))
        self.assertEqual(work.rev("origin/main"), seen, "git's own idea of the host's main stays")
        self.assert_unchanged(name, before)
        shown = self.world.show(request)
        self.assertEqual((shown["state"], shown["action"], shown["environment"]), ("held", "git:update_ref", "production"))
        self.assertIn(f"Ref::origin/{name}/{MAIN}", shown["resources"])
        self.assertEqual([each["ancestry"] for each in shown["input"]["refs"]], ["fast_forward"], "in the words of the policies")
        intent = self.world.recorded(name, phase="intent", decision="hold")
        self.assertEqual(intent["action"], "git:update_ref")

        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())
        self.assertEqual(self.server.attempts(name, MAIN), [(before[MAIN], work.rev())])
        work.git("fetch", "-q")
        self.assertEqual(work.rev("origin/main"), work.rev())
        self.assertIn("up-to-date", work.push("origin", "main").text)
        outcome = [r for r in self.world.records(name, phase="outcome") if r.get("request") == request]
        self.assertEqual([r["outcome"] for r in outcome], ["ok"])
        allowed = [r for r in self.world.records(name, phase="intent", decision="allow") if r.get("request") == request]
        self.assertEqual(len(allowed), 1, "one intent, recorded before it was sent")

    def test_an_identical_push_finds_its_request(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        for _ in range(2):
            self.assertEqual(self.hold(name, work), request)
        self.assertEqual(len(self.world.held(name)), 1)
        self.assertEqual(request_of(work.push("-o", "countersign.wait=1", "origin", "main")), request, "how long one waits changes nothing")
        self.world.deny(request, "not today")
        self.world.finished(request)

    def test_a_fresh_leaf_of_the_same_token_finds_it_too(self):
        name, work, before = self.change()
        delegable, sealed = self.gateway.agent_token(upstreams="origin")
        narrowed = self.gateway.cli("token", "narrow", delegable, "--ttl", "10m", check=0)[1].strip()
        first = request_of(work.push(self.world.url(name, token=sealed), "main"))
        self.assertEqual(request_of(work.push(self.world.url(name, token=self.gateway.seal(narrowed)), "main")), first)
        self.assertNotEqual(request_of(work.push(self.world.url(name, token=self.gateway.agent_token(upstreams="origin")[1]), "main")), first)

    def test_a_denial_reaches_the_agent_with_its_reason(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        self.world.deny(request, "tea is cheap enough")
        done = work.push("origin", "main", check=1)
        self.assertIn("[remote rejected]", done.text)
        self.assertIn("tea is cheap enough", done.text)
        self.assertIn(request, done.text)
        self.assertEqual(self.world.state(request), "denied")
        self.assert_unchanged(name, before)

    def test_waiting_for_the_approval_gives_the_true_result(self):
        name, work, before = self.change()
        process = work.begin_push("-o", "countersign.wait=60", "origin", "main")
        request = wait_until(lambda: self.world.held(name), "it is held")[0]["id"]
        self.assert_unchanged(name, before)
        self.world.approve(request)
        done = self.world.end(process)
        self.assertIn("main -> main", done.err)
        self.assertNotIn("-> refs/approvals", done.err)
        self.assertIn(request, done.err, "it was told what it waits for")
        self.assert_landed(name, MAIN, work.rev())
        self.assertEqual(work.rev("origin/main"), work.rev(), "git knows that it landed")

    def test_waiting_for_a_denial(self):
        name, work, before = self.change()
        process = work.begin_push("-o", "countersign.wait=60", "origin", "main")
        request = wait_until(lambda: self.world.held(name), "it is held")[0]["id"]
        self.world.deny(request, "no")
        done = self.world.end(process, check=1)
        self.assertIn("[remote rejected]", done.err)
        self.assert_unchanged(name, before)

    def test_waiting_in_vain_is_held_still(self):
        name, work, before = self.change()
        done = work.push("-o", "countersign.wait=1", "origin", "main")
        request = request_of(done)
        self.assertEqual(self.world.state(request), "held")
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())

    def test_a_client_that_goes_away_while_it_waits(self):
        name, work, before = self.change()
        process = work.begin_push("-o", "countersign.wait=600", "origin", "main")
        request = wait_until(lambda: self.world.held(name), "it is held")[0]["id"]
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())

    def test_a_client_without_the_newer_report_is_told_no(self):
        name, work, before = self.change()
        pack = self.pack(work, "main", "^origin/main")
        body = command(before[MAIN], work.rev(), MAIN, "report-status side-band-64k object-format=sha1 agent=old") + FLUSH + pack
        status, _, answer = self.world.receive_pack(name, body)
        self.assertEqual(status, 200)
        report, progress = report_of(answer)
        self.assertEqual(report[0], "unpack ok")
        self.assertRegex(report[1], rf"^ng {MAIN} .*held for approval")
        self.assertIn("req_", progress)
        self.assertEqual(len(report), 2)
        self.assert_unchanged(name, before)
        request = self.world.held(name)[0]["id"]
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())

    def pack(self, work, *revisions):
        done = subprocess.run(["git", "pack-objects", "--stdout", "--revs", "-q"], cwd=work.folder, input="\n".join(revisions).encode(),
                              capture_output=True, check=True)
        return done.stdout

    def test_a_new_production_branch_and_a_merge_are_held(self):
        name, work, before = self.change()
        request = self.hold(name, work, "origin", "main:release/7")
        self.assertEqual(self.world.show(request)["action"], "git:create_ref")
        work.git("checkout", "-q", "-b", "side", "HEAD~1")
        work.commit("beside", {"beside.txt": "x\n"})
        work.git("checkout", "-q", "main")
        work.git("merge", "-q", "-m", "merged", "side")
        merged = self.hold(name, work)
        self.assertEqual(self.world.show(merged)["action"], "git:update_ref")
        for each in (request, merged):
            self.world.approve(each)
            self.assertEqual(self.world.finished(each), "done")
        self.assertEqual(self.refs(name)[MAIN], work.rev())
        self.assertIn("refs/heads/release/7", self.refs(name))

    def test_a_large_push_is_held_and_lands_byte_for_byte(self):
        name, work, before = self.change()
        data = os.urandom(4 << 20)
        work.commit("large", {"large.bin": data})
        request = self.hold(name, work)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())
        self.server.git(name, "fsck", "--strict")

    def test_a_sha256_repository(self):
        name, work, before = self.change(self.repository("sha256"))
        request = self.hold(name, work)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())

    def test_from_a_shallow_clone(self):
        name = self.repository()
        work = self.world.clone(name, "--depth", "1")
        work.commit("from a shallow clone")
        request = self.hold(name, work)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())

    def test_several_refs_are_held_as_a_whole(self):
        name, work, before = self.change()
        work.git("branch", "feature")
        done = work.push("origin", "main", "feature")
        request = request_of(done)
        self.assertEqual(done.text.count(f"-> refs/approvals/{request}"), 2)
        self.assert_unchanged(name, before)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assertEqual(self.refs(name), {MAIN: work.rev(), "refs/heads/feature": work.rev()})

    def test_files_that_ci_runs_are_held_on_any_branch(self):
        name, work, before = self.change()
        work.commit("build on push", {".github/workflows/build.yml": "on: push\njobs: {}\n"})
        request = self.hold(name, work, "origin", "main:feature")
        self.assertEqual(self.world.show(request)["environment"], "staging")
        self.world.approve(request)
        self.assertEqual(self.world.state(request), "held", "this needs two")
        self.world.approve(request, self.world.pat)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, "refs/heads/feature", work.rev())

    def test_push_options_are_part_of_what_is_approved_and_sent(self):
        name, work, before = self.change()
        hook = self.server.path(name) / "hooks" / "post-receive"
        hook.write_text(f'#!/bin/sh\nenv | grep ^GIT_PUSH_OPTION >> "{self.world.folder}/held-options"\n')
        hook.chmod(0o755)
        plain = self.hold(name, work)
        request = self.hold(name, work, "-o", "ci.skip", "origin", "main")
        self.assertNotEqual(plain, request)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assertIn("=ci.skip\n", (self.world.folder / "held-options").read_text())

    # ── what an approval is bound to

    def test_the_same_commits_elsewhere_are_other_requests(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        twin = self.world.repository(name + "_twin")
        seen = {request}
        for token, target, refspec in ((None, twin, "main"), (None, name, "main:release/1"), (self.world.token("other-agent"), name, "main"),
                                       (self.world.token(upstreams="origin", extra=("--effects", "read,write")), name, "main")):
            held = request_of(work.push(self.world.url(target, token=token), refspec))
            self.assertNotIn(held, seen, f"{target} {refspec}")
            seen.add(held)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.assert_landed(name, MAIN, work.rev())
        self.assertEqual(self.refs(twin), before, "the other repository did not get it")
        self.assertNotIn("refs/heads/release/1", self.refs(name))
        for other in seen - {request}:
            self.assertEqual(self.world.state(other), "held")

    def test_the_same_host_behind_another_name_is_another_request(self):
        name, work, before = self.change()
        token = self.world.token(upstreams="origin,other")
        first = request_of(work.push(self.world.url(name, token=token), "main:refs/heads/release/2"))
        done = work.push(self.world.url(name, token=token, upstream="other"), "main:refs/heads/release/2")
        self.assertNotIn(first, done.text)

    def test_a_repush_while_the_reviewer_looks(self):
        name, work, before = self.change()
        reviewed = work.rev()
        first = self.hold(name, work)
        work.write("src/core/prices.txt", "espresso 300\ntea 200\n")
        work.git("commit", "-q", "-a", "--amend", "-m", "cheaper tea")
        second = self.hold(name, work)
        self.assertNotEqual(first, second)
        self.world.approve(first)
        self.assertEqual(self.world.finished(first), "done")
        self.assert_landed(name, MAIN, reviewed)
        self.world.approve(second)
        self.world.finished(second)
        self.assert_landed(name, MAIN, reviewed)
        self.assertNotEqual(self.world.state(second), "done", "what it builds on has moved")

    def test_a_ref_that_moved_meanwhile_ends_it_as_stale(self):
        name, work, before = self.change()
        mine = work.rev()
        request = self.hold(name, work)
        admin = self.world.clone(name, direct=True)
        theirs = admin.commit("the admin was faster")
        admin.git("push", "-q", "origin", "main")
        moved = self.refs(name)
        pushes = len(self.server.pushes(name))
        self.world.approve(request)
        state = self.world.finished(request)
        self.assertNotEqual(state, "done")
        self.assert_unchanged(name, moved)
        shown = self.world.show(request)
        self.assertEqual(shown["code"], "request.stale")
        for commit in (before[MAIN], theirs):
            self.assertIn(commit[:12], shown["reason"], "both are shown")
        self.assertEqual(len(self.server.pushes(name)), pushes, "nothing was sent")
        self.assertTrue([r for r in self.world.audit("--request", request) if r.get("code") == "request.stale"], "it is recorded")
        self.assertEqual(self.world.state(request), state)
        work.push("origin", "main", check=1)
        work.git("pull", "-q", "--rebase")
        again = self.hold(name, work)
        self.assertNotEqual(again, request)
        self.assertNotEqual(work.rev(), mine)

    def test_a_ref_that_appeared_meanwhile_ends_it_as_stale(self):
        name, work, before = self.change()
        request = self.hold(name, work, "origin", "main:release/3")
        self.server.git(name, "update-ref", "refs/heads/release/3", before[MAIN])
        self.world.approve(request)
        self.assertNotEqual(self.world.finished(request), "done")
        self.assertEqual(self.world.show(request)["code"], "request.stale")
        self.assertEqual(self.refs(name)["refs/heads/release/3"], before[MAIN])

    def test_an_approval_is_spent_when_main_was_set_back(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.server.git(name, "update-ref", MAIN, before[MAIN])
        done = work.push("origin", "main", check=None)
        self.assert_unchanged(name, before)
        self.assertNotIn("main -> main", done.err, "it did not land, and git must not think so")
        self.assertNotEqual(request_of(done), request, "another look is needed")
        self.assertEqual(len(self.world.held(name)), 1)

    def test_an_approval_is_spent_when_its_result_was_collected(self):
        name, work, before = self.change()
        process = work.begin_push("-o", "countersign.wait=60", "origin", "main")
        request = wait_until(lambda: self.world.held(name), "it is held")[0]["id"]
        self.world.approve(request)
        self.world.end(process)
        self.server.git(name, "update-ref", MAIN, before[MAIN])
        again = self.hold(name, work)
        self.assertNotEqual(again, request)

    def test_two_approvers_at_once_make_one_landing(self):
        for round_number in range(4):
            name, work, before = self.change(self.world.repository(f"team/race_{round_number}"))
            self.server.watch(name)
            request = self.hold(name, work)
            barrier = threading.Barrier(2)

            def vote(token):
                barrier.wait()
                self.world.approve(request, token, check=None)

            threads = [threading.Thread(target=vote, args=(token,)) for token in (self.world.sam, self.world.pat)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(self.world.finished(request), "done")
            self.assert_landed(name, MAIN, work.rev())
            self.assertEqual([new for _, new in self.server.reflog(name, MAIN)], [before[MAIN], work.rev()])
            self.assertEqual(len(self.server.attempts(name, MAIN)), 1)

    def test_nobody_approves_their_own(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        for person in ("olivia", "jun"):
            self.world.approve(request, self.gateway.person(person), check=1)
        self.assertEqual(self.world.state(request), "held")
        self.assert_unchanged(name, before)


class Expiry(HoldTest):
    @staticmethod
    def adjust(folder):
        rules = folder / "approvals.yaml"
        rules.write_text(rules.read_text().replace("expires: 4h", "expires: 3s"))

    def test_a_request_that_nobody_answers_expires(self):
        name, work, before = self.change()
        request = self.hold(name, work)
        self.assertEqual(self.world.finished(request), "expired")
        self.world.approve(request, check=1)
        self.assertEqual(self.world.state(request), "expired")
        told = work.push("origin", "main", check=1)
        self.assertIn("approval.expired", told.text, "the agent is told once")
        again = self.hold(name, work)
        self.assertNotEqual(again, request)
        self.assert_unchanged(name, before)


if __name__ == "__main__":
    unittest.main(verbosity=1)
