"""Stock git pushing through the gateway, to a real git host: what lands at once, and what never does."""
import json
import os
import re
import subprocess
import unittest

from git_harness import FLUSH, MAIN, ZERO, GitTest, command, report_of
from git_packs import pack

HOOK = """#!/bin/sh
env > "{folder}/hook-environment"
env | grep ^GIT_PUSH_OPTION > "{folder}/hook-options"
"""


class Push(GitTest):
    def hook(self, name, script, kind="post-receive"):
        path = self.server.path(name) / "hooks" / kind
        path.write_text(script)
        path.chmod(0o755)

    def feature(self, name):
        """A clone with one new commit on the branch `feature`, which is on the host."""
        work = self.world.clone(name)
        work.git("checkout", "-q", "-b", "feature")
        work.commit("one")
        work.push("-q", "-u", "origin", "feature")
        return work

    # ── staging: lands at once

    def test_a_new_branch_lands(self):
        name = self.repository()
        self.hook(name, HOOK.format(folder=self.world.folder))
        work = self.world.clone(name)
        work.git("checkout", "-q", "-b", "feature")
        commit = work.commit("one")
        done = work.push("-u", "origin", "feature")
        self.assertIn("[new branch]", done.err)
        self.assertNotIn("refs/approvals", done.err)
        self.assert_landed(name, "refs/heads/feature", commit)
        self.assertEqual(work.rev("origin/feature"), commit)
        outcome = self.assert_allowed(name, "git:create_ref", "refs/heads/feature")
        self.assertEqual((outcome["agent"], outcome["status"]), ("builder", 200))
        self.assertEqual(self.world.recorded(name, phase="intent", action="git:create_ref")["environment"], "staging")
        environment = (self.world.folder / "hook-environment").read_text()
        self.assertIn("REMOTE_USER=ci", environment)
        self.assertNotIn(self.world.token(), environment, "the agent's token does not reach the host")

    def test_a_fast_forward_lands(self):
        name = self.repository()
        work = self.feature(name)
        commit = work.commit("two")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", commit)
        self.assert_allowed(name, "git:update_ref", "refs/heads/feature")

    def test_a_merge_is_a_fast_forward(self):
        name = self.repository()
        work = self.feature(name)
        work.git("checkout", "-q", "main")
        work.commit("beside", {"beside.txt": "x\n"})
        work.git("checkout", "-q", "feature")
        work.git("merge", "-q", "-m", "merged", "main")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assert_allowed(name, "git:update_ref", "refs/heads/feature")

    def test_rewriting_a_branch_is_told_apart(self):
        name = self.repository()
        work = self.feature(name)
        work.git("commit", "-q", "--amend", "-m", "another one")
        refused = work.push("origin", "feature", check=1)
        self.assertIn("non-fast-forward", refused.text, "git itself refuses first")
        work.push("--force", "origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assert_allowed(name, "git:force_update_ref", "refs/heads/feature", "destroy")

    def test_going_back_is_rewriting(self):
        name = self.repository()
        work = self.feature(name)
        work.push("--force-with-lease", "origin", "feature~1:feature")
        self.assert_landed(name, "refs/heads/feature", work.rev("feature~1"))
        self.assert_allowed(name, "git:force_update_ref", "refs/heads/feature", "destroy")

    def test_an_unrelated_history_is_rewriting(self):
        name = self.repository()
        self.feature(name)
        stranger = self.world.init()
        stranger.commit("from nowhere")
        stranger.push("--force", self.world.url(name), "HEAD:refs/heads/feature")
        self.assert_landed(name, "refs/heads/feature", stranger.rev())
        self.assert_allowed(name, "git:force_update_ref", "refs/heads/feature", "destroy")

    def test_a_branch_is_deleted(self):
        name = self.repository()
        work = self.feature(name)
        done = work.push("origin", "--delete", "feature")
        self.assertIn("[deleted]", done.err)
        self.assertNotIn("refs/heads/feature", self.refs(name))
        self.assert_allowed(name, "git:delete_ref", "refs/heads/feature", "destroy")

    def test_tags_are_made_moved_and_deleted(self):
        name = self.repository()
        work = self.world.clone(name)
        work.git("tag", "-a", "-m", "first", "v1")
        work.git("tag", "light")
        work.push("-q", "origin", "v1", "light")
        self.assert_landed(name, "refs/tags/v1", work.rev("v1"))
        self.assert_landed(name, "refs/tags/light", work.rev("light"))
        self.assert_allowed(name, "git:create_tag", "refs/tags/v1")
        work.commit("later")
        work.git("tag", "-f", "light")
        work.push("origin", "light", check=1)
        work.push("--force", "origin", "light")
        self.assert_landed(name, "refs/tags/light", work.rev("light"))
        self.assert_allowed(name, "git:move_tag", "refs/tags/light", "destroy")
        work.push("origin", ":refs/tags/v1")
        self.assertNotIn("refs/tags/v1", self.refs(name))
        self.assert_allowed(name, "git:delete_tag", "refs/tags/v1", "destroy")

    def test_notes_and_refs_elsewhere(self):
        name = self.repository()
        work = self.world.clone(name)
        work.git("notes", "add", "-m", "looked at", "HEAD")
        work.push("origin", "refs/notes/commits", "HEAD:refs/custom/place")
        refs = self.refs(name)
        self.assertEqual(refs["refs/notes/commits"], work.rev("refs/notes/commits"))
        self.assertEqual(refs["refs/custom/place"], work.rev())
        work.git("notes", "add", "-f", "-m", "looked again", "HEAD")
        work.push("origin", "refs/notes/commits")
        self.assert_allowed(name, "git:update_ref", "refs/notes/commits")

    def test_several_refs_at_once(self):
        name = self.repository()
        work = self.feature(name)
        work.commit("two")
        work.git("branch", "second", "HEAD~1")
        work.git("tag", "t1")
        pushes = len(self.server.pushes(name))
        work.push("origin", "feature", "second", "t1")
        for ref, local in (("refs/heads/feature", "feature"), ("refs/heads/second", "second"), ("refs/tags/t1", "t1")):
            self.assert_landed(name, ref, work.rev(local))
        intent = self.world.recorded(name, phase="intent", action="git:push")
        self.assertEqual(sorted(intent["resources"]), sorted(f"Ref::origin/{name}/{ref}" for ref in
                                                             ("refs/heads/feature", "refs/heads/second", "refs/tags/t1")))
        self.assertEqual(len(self.server.pushes(name)), pushes + 1, "one request did it all")

    def test_one_request_with_creation_update_and_deletion(self):
        name = self.repository()
        work = self.feature(name)
        work.push("-q", "origin", "feature:old")
        work.commit("two")
        work.push("origin", "feature", "feature:new", ":old")
        refs = self.refs(name)
        self.assertEqual((refs["refs/heads/feature"], refs["refs/heads/new"], "refs/heads/old" in refs), (work.rev(), work.rev(), False))
        self.assertEqual(self.world.recorded(name, phase="intent", action="git:push")["effect"], "destroy")

    def test_atomic_is_all_or_nothing_and_otherwise_each_its_own(self):
        name = self.repository()
        self.hook(name, "#!/bin/sh\n[ \"$1\" != refs/heads/bad ] || { echo 'not this one'; exit 1; }\n", "update")
        work = self.world.clone(name)
        work.commit("one")
        before = self.refs(name)
        done = work.push("--atomic", "origin", "HEAD:good", "HEAD:bad", check=1)
        self.assertIn("not this one", done.text)
        self.assert_unchanged(name, before)
        outcome = self.world.recorded(name, phase="outcome", action="git:create_ref")
        self.assertEqual(outcome["outcome"], "client_error")
        self.assertIn("refs/heads/bad", outcome["detail"])
        done = work.push("origin", "HEAD:good", "HEAD:bad", check=1)
        self.assertIn("hook declined", done.text)
        self.assertEqual(self.refs(name), {**before, "refs/heads/good": work.rev()})

    def test_push_options_reach_the_host(self):
        name = self.repository()
        self.hook(name, HOOK.format(folder=self.world.folder))
        work = self.world.clone(name)
        work.commit("one")
        work.push("-o", "ci.skip", "-o", "note=two words", "origin", "HEAD:feature")
        options = (self.world.folder / "hook-options").read_text()
        self.assertIn("=ci.skip\n", options)
        self.assertIn("=note=two words\n", options)

    def test_a_host_without_push_options(self):
        name = self.repository()
        self.server.git(name, "config", "receive.advertisePushOptions", "false")
        work = self.world.clone(name)
        work.commit("one")
        self.assertIn("does not support push options", work.push("-o", "x", "origin", "HEAD:feature", check=None).text)
        self.assertNotIn("refs/heads/feature", self.refs(name))
        work.push("origin", "HEAD:feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())

    def test_an_empty_pack(self):
        name = self.repository()
        work = self.world.clone(name)
        work.push("origin", "main:refs/heads/copy")
        self.assert_landed(name, "refs/heads/copy", work.rev("main"))
        work.push("origin", "main~1:refs/heads/older")
        work.push("origin", "main:refs/heads/older")
        self.assert_landed(name, "refs/heads/older", work.rev("main"))
        self.assert_allowed(name, "git:update_ref", "refs/heads/older")

    def test_a_large_push_is_probed_and_chunked(self):
        name = self.repository()
        work = self.world.clone(name)
        data = os.urandom(5 << 20)
        work.commit("large", {"large.bin": data})
        trace = work.push("origin", "HEAD:feature", env={"GIT_TRACE_CURL": "1"}).text
        self.assertIn("Transfer-Encoding: chunked", trace)
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assertEqual(self.server.git(name, "cat-file", "-s", "feature:large.bin"), str(len(data)))
        self.assert_allowed(name, "git:create_ref", "refs/heads/feature")
        work.commit("more", {"more.bin": os.urandom(200_000)})
        work.git("-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())

    def test_packs_are_never_thin_and_certificates_not_offered(self):
        name = self.repository()
        work = self.feature(name)
        _, _, body = self.world.http("GET", f"/origin/{name}.git/info/refs?service=git-receive-pack")
        offered = body.split(b"\0", 1)[1].split(b"\n", 1)[0].split()
        self.assertIn(b"no-thin", offered)
        self.assertIn(b"report-status-v2", offered)
        self.assertFalse([c for c in offered if c.startswith(b"push-cert")])
        work.write("src/core/prices.txt", "espresso 3\ntea 2\n" * 2000)
        work.commit("large text")
        work.push("-q", "origin", "feature")
        work.write("src/core/prices.txt", "espresso 3\ntea 2\n" * 2000 + "milk 1\n")
        work.commit("one line")
        work.push("-q", "--thin", "origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assert_allowed(name, "git:update_ref", "refs/heads/feature")

    def test_signed_pushes_are_not_supported_and_say_so(self):
        name = self.repository()
        work = self.world.clone(name)
        work.commit("one")
        done = work.push("--signed=true", "origin", "HEAD:feature", check=None)
        self.assertIn("does not support --signed push", done.text)
        self.assertNotIn("refs/heads/feature", self.refs(name))

    def test_from_a_shallow_clone(self):
        name = self.repository()
        work = self.world.clone(name, "--depth", "1")
        work.git("checkout", "-q", "-b", "feature")
        work.commit("from a shallow clone")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        work.commit("and another")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assert_allowed(name, "git:update_ref", "refs/heads/feature")
        self.server.git(name, "fsck")

    def test_from_a_partial_clone(self):
        name = self.repository()
        work = self.world.clone(name, "--filter=blob:none", "--branch", "main")
        work.git("checkout", "-q", "-b", "feature")
        work.commit("one")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())

    def test_into_an_empty_repository(self):
        self.server.create("team/fresh")
        work = self.world.init()
        work.commit("first")
        work.push(self.world.url("team/fresh"), "HEAD:refs/heads/feature")
        self.assert_landed("team/fresh", "refs/heads/feature", work.rev())

    def test_a_sha256_repository(self):
        name = self.repository("sha256")
        work = self.world.clone(name)
        work.git("checkout", "-q", "-b", "feature")
        work.commit("one")
        work.push("origin", "feature")
        work.commit("two")
        work.push("origin", "feature")
        self.assert_landed(name, "refs/heads/feature", work.rev())
        self.assert_allowed(name, "git:update_ref", "refs/heads/feature")
        work.git("commit", "-q", "--amend", "-m", "rewritten")
        work.push("--force", "origin", "feature")
        self.assert_allowed(name, "git:force_update_ref", "refs/heads/feature", "destroy")
        work.push("origin", ":feature")
        self.assertNotIn("refs/heads/feature", self.refs(name))

    def test_a_second_push_after_somebody_elses_is_refused_by_the_host(self):
        name = self.repository()
        work = self.feature(name)
        other = self.world.clone(name, "--branch", "feature")
        other.commit("theirs")
        other.push("-q", "origin", "feature")
        work.commit("mine", {"mine.txt": "x\n"})
        done = work.push("origin", "feature", check=1)
        self.assertIn("rejected", done.text)
        self.assert_landed(name, "refs/heads/feature", other.rev())

    def test_what_the_hosts_hook_says_reaches_the_agent(self):
        name = self.repository()
        self.hook(name, "#!/bin/sh\necho 'the host is closed today'; exit 1\n", "pre-receive")
        work = self.world.clone(name)
        work.commit("one")
        before = self.refs(name)
        done = work.push("origin", "HEAD:feature", check=1)
        self.assertIn("remote: the host is closed today", done.text)
        self.assertIn("pre-receive hook declined", done.text)
        self.assert_unchanged(name, before)
        self.assertEqual(self.world.recorded(name, phase="outcome", action="git:create_ref")["outcome"], "client_error")

    # ── refused

    def test_rewriting_production_is_refused_by_the_floor(self):
        name = self.repository()
        work = self.world.clone(name)
        before = self.refs(name)
        work.git("commit", "-q", "--amend", "-m", "rewritten")
        done = work.push("--force", "origin", "main", check=1)
        self.assertIn("remote: countersign: denied (policy.floor)", done.text)
        denied = self.assert_denied(done, name, before, "policy.floor")
        self.assertEqual((denied["action"], denied["effect"], denied["environment"]), ("git:force_update_ref", "destroy", "production"))
        self.assertEqual(work.rev("origin/main"), before[MAIN])
        self.assert_denied(work.push("--force", "origin", "main~1:main", check=1), name, before, "policy.floor")

    def test_an_unrelated_history_does_not_replace_production(self):
        name = self.repository()
        before = self.refs(name)
        stranger = self.world.init()
        stranger.commit("a fresh start")
        self.assert_denied(stranger.push("--force", self.world.url(name), "HEAD:main", check=1), name, before, "policy.floor")

    def test_deleting_production_is_refused_by_the_floor(self):
        name = self.repository()
        self.server.git(name, "update-ref", "refs/heads/release/1", "main")
        before = self.refs(name)
        work = self.world.clone(name)
        for ref in ("main", "release/1"):
            denied = self.assert_denied(work.push("origin", "--delete", ref, check=1), name, before, "policy.floor")
            self.assertEqual(denied["action"], "git:delete_ref")

    def test_one_refused_ref_stops_them_all(self):
        name = self.repository()
        work = self.feature(name)
        before = self.refs(name)
        work.commit("two")
        work.git("checkout", "-q", "main")
        work.git("commit", "-q", "--amend", "-m", "rewritten")
        done = work.push("--force", "origin", "main", "feature", check=1)
        self.assertEqual(done.text.count("[remote rejected]"), 2)
        self.assert_denied(done, name, before, "policy.floor")

    def test_deleting_many_branches_where_one_is_production(self):
        name = self.repository()
        work = self.feature(name)
        before = self.refs(name)
        self.assert_denied(work.push("origin", ":feature", ":main", check=1), name, before, "policy.floor")

    def test_reserved_refs_are_refused(self):
        name = self.repository()
        work = self.world.clone(name)
        work.commit("one")
        before = self.refs(name)
        for ref in ("refs/approvals/req_mine", "refs/approvals/x/y", "refs/countersign/backup/req_1/heads/main", "refs/countersign/attestations/req_1",
                    "refs/Countersign/backup/x", "refs/APPROVALS/req_mine"):
            with self.subTest(ref=ref):
                done = work.push("origin", f"HEAD:{ref}", check=None)
                self.assertNotEqual(done.code, 0, done)
                self.assertIn("git.reserved_ref", done.text)
                self.assert_unchanged(name, before)
        for ref in ("refs/approvals", "refs/countersign"):
            self.assertNotEqual(work.push("origin", f"HEAD:{ref}", check=None).code, 0, ref)
        done = work.push("origin", "HEAD:refs/heads/fine", "HEAD:refs/approvals/req_mine", check=None)
        self.assertNotEqual(done.code, 0)
        self.assert_unchanged(name, before)
        self.assertTrue([r for r in self.world.audit() if r.get("code") == "git.reserved_ref"], "it is recorded")

    def test_head_itself_is_no_ref_to_push(self):
        name = self.repository()
        before = self.refs(name)
        work = self.world.clone(name)
        body = command(before[MAIN], work.rev("HEAD~1"), "HEAD") + FLUSH + pack([])
        status, _, answer = self.world.receive_pack(name, body)
        self.assertEqual(status, 400, answer)
        self.assertIn(b"git.bad_command", answer)
        self.assert_unchanged(name, before)

    def test_names_in_other_letters_do_not_get_around_the_labels(self):
        """A host that ignores the case of letters, as the big ones do: here by a link."""
        name = self.world.repository("ledger/book")
        os.symlink(self.server.root / "ledger", self.server.root / "LEDGER")
        before = self.refs(name)
        work = self.world.clone("LEDGER/book")
        work.commit("one")
        done = work.push("origin", "HEAD:feature")
        self.assertIn("refs/approvals/req_", done.text, "all of ledger/ is production, however it is spelt")
        self.assert_unchanged(name, before)
        work.git("fetch", "-q")
        self.assert_denied(work.push("--force", "origin", "HEAD~2:main", check=1), name, before, "policy.floor")

    def test_branches_in_other_letters_do_not_either(self):
        name = self.repository()
        work = self.world.clone(name)
        work.commit("one")
        before = self.refs(name)
        done = work.push("origin", "HEAD:refs/heads/MAIN")
        self.assertIn("refs/approvals/req_", done.text, "as a file, MAIN may be main")
        self.assert_unchanged(name, before)

    def test_addresses_that_could_mean_another_repository_are_refused(self):
        name = self.repository()
        before = self.refs(name)
        body = command(before[MAIN], ZERO, MAIN) + FLUSH
        asked = len(self.server.requests())
        for spelt in (name.replace("/", "//"), name.replace("/", "/./"), "x/../" + name, name.replace("/", "/%2e/"), "x/%2e%2e/" + name,
                      name.replace("/", "%2f"), name + "/", name + "%00"):
            status, _, answer = self.world.receive_pack(spelt, body)
            self.assertIn(status, (400, 404), spelt)
            self.assertIn(b"git.bad_path", answer, spelt)
        self.assertEqual(len(self.server.requests()), asked, "the host was asked none of it")
        self.assert_unchanged(name, before)

    def test_without_the_suffix_the_same_rules_hold(self):
        name = self.repository()
        before = self.refs(name)
        work = self.world.clone(name, url=self.world.url(name, suffix=""))
        work.git("commit", "-q", "--amend", "-m", "rewritten")
        self.assert_denied(work.push("--force", "origin", "main", check=1), name, before, "policy.floor")
        work.push("-q", "origin", "HEAD:feature")
        self.assert_allowed(name, "git:create_ref", "refs/heads/feature")

    def test_a_token_that_only_reads(self):
        name = self.repository()
        token = self.world.token(extra=("--effects", "read"))
        work = self.world.clone(name, token=token)
        work.commit("one")
        before = self.refs(name)
        self.assert_denied(work.push("origin", "HEAD:feature", check=1), name, before, "scope.effect")

    def test_a_token_for_some_actions(self):
        name = self.repository()
        token = self.world.token(extra=("--actions", "git:fetch,git:create_ref,git:update_ref"))
        work = self.world.clone(name, token=token)
        work.commit("one")
        work.push("-q", "origin", "HEAD:feature")
        work.commit("two")
        work.push("-q", "origin", "HEAD:feature")
        before = self.refs(name)
        self.assert_denied(work.push("--force", "origin", "HEAD~1:feature", check=1), name, before, "scope.action")
        self.assert_denied(work.push("origin", ":feature", check=1), name, before, "scope.action")
        self.assert_denied(work.push("origin", "HEAD:more", ":feature", check=1), name, before, "scope.action")

    def test_a_token_for_some_branches(self):
        name = self.repository()
        token = self.world.token(extra=("--resources", f"origin/{name},origin/{name}/refs/heads/agent/*"))
        work = self.world.clone(name, token=token)
        work.commit("one")
        work.push("-q", "origin", "HEAD:agent/mine")
        self.assert_landed(name, "refs/heads/agent/mine", work.rev())
        before = self.refs(name)
        self.assert_denied(work.push("origin", "HEAD:feature", check=1), name, before, "scope.resource")

    def test_a_client_that_wants_no_report_is_refused_plainly(self):
        name = self.repository()
        before = self.refs(name)
        body = command(before[MAIN], ZERO, MAIN, "delete-refs object-format=sha1 agent=test") + FLUSH
        status, headers, answer = self.world.receive_pack(name, body)
        self.assertEqual(status, 400)
        self.assertTrue(headers["content-type"].startswith("text/plain"))
        self.assertIn(b"git.no_report", answer, "what became of it could not be told")
        self.assert_unchanged(name, before)

    def test_a_client_without_the_newer_report(self):
        name = self.repository()
        self.server.git(name, "update-ref", "refs/heads/old", "main")
        before = self.refs(name)
        status, _, answer = self.world.receive_pack(name, command(before["refs/heads/old"], ZERO, "refs/heads/old",
                                                                  "report-status delete-refs side-band-64k agent=test") + FLUSH)
        self.assertEqual(status, 200)
        self.assertEqual(report_of(answer)[0], ["unpack ok", "ok refs/heads/old"])
        self.assertNotIn("refs/heads/old", self.refs(name))

    def test_secrets_in_commits_are_denied_and_not_repeated(self):
        name = self.repository()
        work = self.world.clone(name)
        before = self.refs(name)
        key_id, key = "AKIA" + "QYLPMN5HHHFPZAM2", "u8zJ4fXq" + "Z0rT7yKpW3vN6mB1cD5eG9hL2sQaRiUo"
        work.commit("settings", {"deploy/settings.ini": f"[aws]\naws_access_key_id = {key_id}\naws_secret_access_key = {key}\n"})
        done = work.push("origin", "HEAD:feature", check=1)
        self.assertIn("deploy/settings.ini", done.text)
        self.assertRegex(done.text, r"(line |:)2\b")
        self.assertRegex(done.text, r"aws[-a-z]*")
        self.assertNotIn(key, done.text)
        self.assertNotIn(key_id, done.text)
        self.assert_unchanged(name, before)
        denied = self.world.recorded(name, decision="deny")
        self.assertNotIn(key, json.dumps(self.world.audit()))
        self.assertTrue(denied["code"])
        work.git("rm", "-q", "--cached", "deploy/settings.ini")
        (work.folder / "deploy/settings.ini").unlink()
        work.commit("removed again", {"other.txt": "x\n"})
        done = work.push("origin", "HEAD:feature", check=1)
        self.assertIn("deploy/settings.ini", done.text, "it is still in the history that would land")
        self.assert_unchanged(name, before)

    def test_a_secret_cannot_be_brought_first_and_named_later(self):
        """The pack holds more than the commands name: the host would keep it, and a second push without objects could make a branch of it."""
        name = self.repository()
        work = self.world.clone(name)
        before = self.refs(name)
        base = before[MAIN]
        work.git("checkout", "-q", "-b", "leak")
        leak = work.commit("leak", {"settings.env": "GITHUB_TOKEN=gh" + "p_q7N3vX8LmZ2bT7KcR5wY9dHsF4gJ6pQ1aVtB\n"})
        work.git("checkout", "-q", "-b", "innocent", base)
        innocent = work.commit("innocent")
        packed = self.pack_of(work, f"{leak}\n{innocent}\n^{base}\n")
        body = command(ZERO, innocent, "refs/heads/innocent", "report-status side-band-64k object-format=sha1 agent=test") + FLUSH + packed
        status, _, answer = self.world.receive_pack(name, body)
        self.assertEqual(status, 200)
        lines, progress = report_of(answer)
        self.assertTrue(any(line.startswith("ng refs/heads/innocent") for line in lines), lines)
        self.assertIn("github-token", progress)
        self.assert_unchanged(name, before)

    def test_a_file_as_a_tag_is_searched(self):
        name = self.repository()
        work = self.world.clone(name)
        before = self.refs(name)
        work.write("key", "token: gh" + "p_q7N3vX8LmZ2bT7KcR5wY9dHsF4gJ6pQ1aVtB\n")
        blob = work.git("hash-object", "-w", "key").out.strip()
        work.git("tag", "file", blob)
        work.push("origin", "file", check=1)
        self.assert_unchanged(name, before)

    def pack_of(self, work, revisions):
        made = subprocess.run(["git", "pack-objects", "--revs", "--stdout", "-q"], cwd=work.folder, input=revisions.encode(),
                              capture_output=True, check=True)
        return made.stdout

    def test_a_private_key_is_a_secret(self):
        name = self.repository()
        work = self.world.clone(name)
        before = self.refs(name)
        key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True).stdout
        work.commit("key", {"id_ed25519": key})
        done = work.push("origin", "HEAD:feature", check=1)
        self.assertIn("id_ed25519", done.text)
        self.assertRegex(done.text, re.compile("private.key", re.I))
        self.assertNotIn(key.splitlines()[1], done.text)
        self.assert_unchanged(name, before)


if __name__ == "__main__":
    unittest.main(verbosity=1)
