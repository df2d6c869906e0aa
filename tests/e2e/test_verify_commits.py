"""verify-commits against real git repositories: what is covered, what is not, and everything somebody might try."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import textwrap
import unittest

from attestations import Key, altered, seal, statement

BINARY = os.environ["COUNTERSIGN_BINARY"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TRAILER = "Co-Authored-By: Claude <noreply@anthropic.com>"
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
               "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_AUTHOR_DATE": "1763000000 +0000",
               "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.com",
               "GIT_COMMITTER_DATE": "1763000000 +0000"}


def script_behind(mark, text):
    """The block scalar that follows `mark` in a YAML text."""
    return textwrap.dedent(text[text.index(mark) + len(mark):])


class Repository:
    def __init__(self, folder, object_format="sha1"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", f"--object-format={object_format}")
        self.base = self.commit("begin")

    def git(self, *arguments, stdin=None):
        done = subprocess.run(["git", *arguments], cwd=self.folder, env=ENVIRONMENT, input=stdin, capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f"git {arguments}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def commit(self, message, name=None):
        (self.folder / (name or "file")).write_text(message)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-F", "-", stdin=message.encode())
        return self.git("rev-parse", "HEAD")

    def publish(self, envelope, request, name="attestation.json"):
        """The attestation as a ref, as the gateway pushes it."""
        data = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        blob = self.git("hash-object", "-w", "--stdin", stdin=data)
        tree = self.git("mktree", stdin=f"100644 blob {blob}\t{name}\n".encode())
        commit = self.git("commit-tree", tree, "-m", "Attestation")
        self.git("update-ref", f"refs/countersign/attestations/{request}", commit)


class VerifyCommits(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.scratch.name)
        self.key = Key()
        self.repo = Repository(self.root / "repo")

    def tearDown(self):
        self.scratch.cleanup()

    def run_it(self, *options, range=None, key=None, repo=None):
        repo = repo or self.repo
        keys = [] if key == () else ["--key", (key or self.key).vkey]
        done = subprocess.run([BINARY, "verify-commits", range or f"{repo.base}..HEAD", *keys, "--repo", repo.folder,
                               *map(str, options)], capture_output=True, text=True, timeout=300, env=ENVIRONMENT)
        return done.returncode, done.stdout, done.stderr

    def report(self, *options, **kwargs):
        code, out, err = self.run_it("--output", "json", *options, **kwargs)
        self.assertIn(code, (0, 1), err)
        value = json.loads(out)
        self.assertEqual(value["ok"], code == 0)
        return value

    def reason(self, *options, **kwargs):
        """Why the newest commit is not covered."""
        value = self.report(*options, **kwargs)
        self.assertFalse(value["ok"])
        self.assertFalse(value["commits"][0]["covered"])
        return value["commits"][0]["reason"]

    # -- covered --------------------------------------------------------------------------------------------------

    def test_an_approved_commit_is_covered_and_everything_about_it_is_said(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}\n")
        self.repo.publish(seal(statement([commit], approvals=(("sam", "senior"), ("pat", "director"))), self.key), "req_1")
        value = self.report("--branch", "main", "--repository", "team/app", "--upstream", "origin")
        self.assertTrue(value["ok"])
        (entry,) = value["commits"]
        self.assertEqual((entry["commit"], entry["covered"], entry["request"], entry["ref"], entry["subject"]),
                         (commit, True, "req_1", "refs/heads/main", "feature"))
        self.assertEqual(entry["assistance"], [{"kind": "co-authored-by", "assistant": "claude", "line": TRAILER}])
        (attestation,) = value["attestations"]
        self.assertEqual([(a["by"], a["level"], a["at"]) for a in attestation["approvals"]],
                         [("sam", "senior", "2026-11-21T09:30:00.000Z"), ("pat", "director", "2026-11-21T09:30:00.000Z")])
        self.assertEqual(attestation["policy_digest"], "ab" * 32)
        self.assertEqual(attestation["log"]["seq"], 4711)
        self.assertEqual(attestation["keyid"], self.key.keyid)
        code, out, _ = self.run_it()
        self.assertEqual(code, 0)
        for text in ("req_1", "sam (senior)", "pat (director)", "2026-11-21 09:30:00", "ab" * 32, "record 4711", "claude"):
            self.assertIn(text, out)

    def test_commits_by_people_need_no_attestation_unless_all_are_demanded(self):
        self.repo.commit("by hand")
        value = self.report()
        self.assertTrue(value["ok"])
        self.assertFalse(value["commits"][0]["demanded"])
        self.assertIn("no attestation names it", self.reason("--all"))

    def test_an_empty_range_is_covered(self):
        value = self.report("--all", range="HEAD..HEAD")
        self.assertTrue(value["ok"])
        self.assertEqual(value["totals"]["commits"], 0)

    def test_the_whole_history_of_one_revision(self):
        commit = self.repo.commit("more")
        self.repo.publish(seal(statement([commit, self.repo.base]), self.key), "req_1")
        value = self.report("--all", range="HEAD")
        self.assertEqual([c["commit"] for c in value["commits"]], [commit, self.repo.base])

    def test_attestations_from_files_and_folders(self):
        one = self.repo.commit(f"one\n\n{TRAILER}")
        two = self.repo.commit(f"two\n\n{TRAILER}")
        sealed = [seal(statement([c], request=f"req_{i}"), self.key) for i, c in enumerate((one, two))]
        lines = self.root / "all.jsonl"
        lines.write_text("\n".join(json.dumps(each) for each in sealed) + "\n\n")
        self.assertTrue(self.report("--attestations", lines)["ok"])
        folder = self.root / "folder"
        folder.mkdir()
        (folder / "one.json").write_text(json.dumps(sealed[0], indent=2))
        (folder / "two.json").write_text(json.dumps(sealed[1]))
        (folder / "README").write_text("not read")
        self.assertTrue(self.report("--attestations", folder)["ok"])
        self.assertTrue(self.report("--attestations", folder / "one.json", "--attestations", folder / "two.json")["ok"])
        self.assertFalse(self.report("--attestations", folder / "one.json")["ok"])
        lines.write_text(json.dumps(sealed[0]) + "\n" + json.dumps(altered(sealed[1], lambda s: s.update(x=1))) + "\n")
        value = self.report("--attestations", lines)
        self.assertEqual([p["source"] for p in value["problems"]], [f"{lines}:2"])
        code, _, err = self.run_it("--attestations", self.root / "absent")
        self.assertEqual(code, 2)
        self.assertIn("absent", err)

    def test_sha256_repository(self):
        repo = Repository(self.root / "sha256", "sha256")
        commit = repo.commit(f"feature\n\n{TRAILER}")
        self.assertEqual(len(commit), 64)
        self.assertIn("no attestation", self.reason(repo=repo))
        repo.publish(seal(statement([commit]), self.key), "req_1")
        self.assertTrue(self.report(repo=repo)["ok"])

    def test_octopus_merge(self):
        for name in ("a", "b", "c"):
            self.repo.git("checkout", "-q", "-b", name, self.repo.base)
            self.repo.commit(f"branch {name}\n\n{TRAILER}", name)
        self.repo.git("checkout", "-q", "main")
        self.repo.git("merge", "-q", "--no-ff", "-m", "octopus\n\nAssisted-by: Copilot", "a", "b", "c")
        merge = self.repo.git("rev-parse", "HEAD")
        self.assertEqual(len(self.repo.git("rev-list", "--parents", "-1", merge).split()), 1 + 4)
        branches = [self.repo.git("rev-parse", name) for name in ("a", "b", "c")]
        self.repo.publish(seal(statement(branches), self.key), "req_1")
        value = self.report()
        self.assertEqual(len(value["commits"]), 4)
        self.assertEqual([c["commit"] for c in value["commits"] if not c["covered"]], [merge])
        self.repo.publish(seal(statement([merge], request="req_2"), self.key), "req_2")
        self.assertTrue(self.report("--all")["ok"])

    def test_a_trailer_in_the_middle_of_a_squash_message(self):
        message = (f"Feature (#12)\n\n* first step\n\nwhy\n\n{TRAILER}\n\n* second step\n\nSigned-off-by: Ann <a@example.com>\n")
        self.repo.commit(message)
        value = self.report()
        self.assertFalse(value["ok"])
        self.assertEqual(value["commits"][0]["assistance"][0]["assistant"], "claude")

    def test_a_thousand_commits(self):
        stream = []
        for number in range(1000):
            message = f"commit {number}\n\n{TRAILER}\n" if number % 2 else f"commit {number}\n"
            stream.append(f"commit refs/heads/many\ncommitter A <a@b> {1763000000 + number} +0000\ndata {len(message)}\n{message}")
            if number == 0:
                stream.append(f"from {self.repo.base}")
            stream.append(f"M 100644 inline f{number % 10}\ndata {len(str(number))}\n{number}\n")
        self.repo.git("fast-import", "--quiet", stdin="\n".join(stream).encode())
        commits = self.repo.git("rev-list", f"{self.repo.base}..many").split()
        self.assertEqual(len(commits), 1000)
        for start in range(0, 1000, 100):
            self.repo.publish(seal(statement(commits[start:start + 100], request=f"req_{start}"), self.key), f"req_{start}")
        value = self.report("--all", range=f"{self.repo.base}..many")
        self.assertEqual(value["totals"], {"commits": 1000, "assisted": 500, "demanded": 1000, "covered": 1000, "uncovered": 0,
                                           "attestations": 10, "invalid": 0})
        self.repo.git("update-ref", "-d", "refs/countersign/attestations/req_500")
        value = self.report(range=f"{self.repo.base}..many")
        self.assertEqual((value["totals"]["uncovered"], value["totals"]["covered"]), (50, 900))

    # -- not covered ----------------------------------------------------------------------------------------------

    def test_missing(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        code, out, _ = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn(commit, out)
        self.assertIn("NOT COVERED", out)
        self.assertIn("nobody approved this very commit", out)

    def test_a_rewritten_commit_is_another_commit(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        self.repo.publish(seal(statement([commit]), self.key), "req_1")
        self.assertTrue(self.report()["ok"])
        self.repo.git("commit", "-q", "--amend", "-m", f"feature, better\n\n{TRAILER}")
        self.assertIn("rebased, squashed, amended", self.reason())

    def test_for_another_ref_repository_or_upstream(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        self.repo.publish(seal(statement([commit], ref="refs/heads/dev"), self.key), "req_1")
        self.assertTrue(self.report()["ok"])
        self.assertTrue(self.report("--ref", "refs/heads/dev")["ok"])
        self.assertIn("for refs/heads/dev, not for refs/heads/main", self.reason("--branch", "main"))
        self.assertIn("for the repository team/app, not for team/application", self.reason("--repository", "team/application"))
        self.assertIn("for the upstream origin, not for mirror", self.reason("--upstream", "mirror"))
        # One that fits counts, whatever the others say.
        self.repo.publish(seal(statement([commit], request="req_2"), self.key), "req_2")
        self.assertEqual(self.report("--branch", "main")["commits"][0]["request"], "req_2")

    def test_levels_and_counts(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        self.repo.publish(seal(statement([commit], approvals=(("sam", "mid"), ("sam", "mid"), ("lee", "senior"))), self.key), "r1")
        self.assertTrue(self.report("--require-level", "senior", "--min-approvals", "2")["ok"])
        self.assertIn("lee is senior", self.reason("--require-level", "principal"))
        self.assertIn("with 2 of 3 approvals", self.reason("--min-approvals", "3"))
        self.repo.publish(seal(statement([commit], approvals=(("sam", "emperor"),)), self.key), "r1")
        self.assertIn("sam is emperor", self.reason("--require-level", "junior"))

    # -- false attestations ---------------------------------------------------------------------------------------

    def problem(self, *options, **kwargs):
        value = self.report(*options, **kwargs)
        self.assertFalse(value["ok"])
        (problem,) = value["problems"]
        return problem["trust"], problem["code"]

    def test_of_a_foreign_key(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        other = Key("other.example/log")
        self.repo.publish(seal(statement([commit], origin="other.example/log"), other), "req_1")
        self.assertEqual(self.problem(), ("foreign", "dsse.unknown_key"))
        self.assertFalse(self.report()["commits"][0]["covered"])
        # The same origin and another key: not even then.
        namesake = Key()
        self.repo.publish(seal(statement([commit]), namesake), "req_1")
        self.assertEqual(self.problem(), ("foreign", "dsse.unknown_key"))
        # A key speaks for its own log only.
        self.repo.publish(seal(statement([commit]), other), "req_1")
        self.assertEqual(self.problem(key=other), ("malformed", "attestation.malformed"))

    def test_forged(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        genuine = seal(statement(["1" * 40]), self.key)

        def add_subject(value):
            value["subject"].append({"name": f"git+origin/team/app@refs/heads/main#{commit}", "digest": {"gitCommit": commit}})

        self.repo.publish(altered(genuine, add_subject), "req_1")
        self.assertEqual(self.problem(), ("forged", "dsse.signature"))
        code, out, _ = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("forged", out)
        self.assertIn("refs/countersign/attestations/req_1", out)

        genuine = seal(statement([commit]), self.key)
        self.repo.publish(genuine, "req_1")
        self.assertTrue(self.report()["ok"])
        self.repo.publish(altered(genuine, lambda s: s["predicate"]["approvals"][0].update(by="pat", level="vp")), "req_1")
        self.assertEqual(self.problem("--require-level", "vp"), ("forged", "dsse.signature"))
        # Another's signature under our key's name.
        other = Key()
        forged = seal(statement([commit]), other)
        forged["signatures"][0]["keyid"] = self.key.keyid
        self.repo.publish(forged, "req_1")
        self.assertEqual(self.problem(), ("forged", "dsse.signature"))

    def test_a_forged_one_fails_the_run_and_hides_no_other(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        genuine = seal(statement([commit]), self.key)
        self.repo.publish(genuine, "req_2")
        self.repo.publish(altered(genuine, lambda s: s["predicate"].update(agent="x")), "req_1")
        self.repo.publish(b"{", "req_3")
        value = self.report()
        self.assertFalse(value["ok"])
        self.assertTrue(value["commits"][0]["covered"])
        self.assertEqual([(p["source"][-5:], p["trust"]) for p in value["problems"]], [("req_1", "forged"), ("req_3", "malformed")])

    def test_what_is_no_attestation(self):
        self.repo.commit("by hand")
        self.repo.publish(b"", "req_1")
        self.assertEqual(self.problem()[0], "malformed")
        self.repo.publish(b"{}", "req_1", name="other.json")
        self.assertEqual(self.problem(), ("malformed", "attestation.malformed"))
        blob = self.repo.git("hash-object", "-w", "--stdin", stdin=b"{}")
        self.repo.git("update-ref", "refs/countersign/attestations/req_1", blob)
        self.assertEqual(self.problem(), ("malformed", "attestation.malformed"))
        self.repo.publish(b" " * (16 * 1024 * 1024 + 1), "req_1")
        self.assertEqual(self.problem(), ("malformed", "git.object_too_large"))
        self.repo.publish(seal({**statement(["1" * 40]), "predicateType": "https://slsa.dev/provenance/v1"}, self.key), "req_1")
        self.assertEqual(self.problem(), ("malformed", "attestation.other_type"))
        self.repo.publish(seal(statement(["1" * 40]), self.key, "application/json"), "req_1")
        self.assertEqual(self.problem(), ("malformed", "attestation.other_type"))

    def test_what_git_was_told_to_replace_is_read_as_it_is(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        tree = self.repo.git("rev-parse", "HEAD^{tree}")
        harmless = self.repo.git("commit-tree", tree, "-p", self.repo.base, "-m", "by hand")
        self.repo.git("replace", commit, harmless)
        self.assertIn("no attestation", self.reason())
        (self.repo.folder / ".git" / "info").mkdir(exist_ok=True)
        second = self.repo.commit(f"second\n\n{TRAILER}")
        (self.repo.folder / ".git" / "info" / "grafts").write_text(f"{second} {self.repo.base}\n")
        self.assertEqual(self.report()["totals"]["assisted"], 2)

    def test_text_for_terminals_is_harmless(self):
        self.repo.commit(f"\x1b[2Jfeature\n\n{TRAILER}")
        _, out, _ = self.run_it()
        self.assertNotIn("\x1b[2J", out)

    # -- keys, ranges, repositories -------------------------------------------------------------------------------

    def test_keys_of_a_rotation(self):
        one = self.repo.commit(f"one\n\n{TRAILER}")
        self.repo.publish(seal(statement([one], request="req_1"), self.key), "req_1")
        second = Key()
        two = self.repo.commit(f"two\n\n{TRAILER}")
        self.repo.publish(seal(statement([two], request="req_2"), second), "req_2")
        self.assertFalse(self.report()["ok"])
        self.assertTrue(self.report("--key", second.vkey)["ok"])
        file = self.root / "keys"
        file.write_text(f"# the gateway's keys\n{self.key.vkey}\n\n{second.vkey}\n")
        self.assertTrue(self.report("--key", file, key=())["ok"])

    def test_wrong_use(self):
        def refused(*arguments, **kwargs):
            code, out, err = self.run_it(*arguments, **kwargs)
            self.assertEqual((code, out), (2, ""), err)
            return err

        self.repo.commit(f"feature\n\n{TRAILER}")
        for range in ("..HEAD", "HEAD..", "..", "a...b", "-x..HEAD", "HEAD..-x", "HEAD..^HEAD", "nothing..HEAD", "HEAD^{tree}",
                      "HEAD..HEAD ", "0" * 40 + "..HEAD", "0" * 64 + "..HEAD"):
            with self.subTest(range):
                refused(range=range)
        self.assertIn("fetch-depth", refused(range="1" * 40 + "..HEAD"))
        refused(key=())
        refused("--key", "/nonexistent", key=())
        refused("--key", "gateway.example/log+00000000+AAAA", key=())
        empty = self.root / "empty"
        empty.write_text("# none\n")
        refused("--key", empty, key=())
        refused("--require-level", "emperor")
        refused("--min-approvals", "0")
        refused("--ref", "main")
        refused("--ref", "refs/heads/main", "--branch", "main")
        outside = tempfile.mkdtemp(dir=self.root)
        refused("--repo", outside)

    def test_below_a_worktree_and_in_a_bare_repository(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        self.repo.publish(seal(statement([commit]), self.key), "req_1")
        self.repo.git("worktree", "add", "-q", "--detach", str(self.root / "tree"))
        below = self.root / "tree" / "a" / "b"
        below.mkdir(parents=True)
        bare = self.root / "bare.git"
        self.repo.git("clone", "-q", "--mirror", str(self.repo.folder), str(bare))
        for folder in (below, bare):
            done = subprocess.run([BINARY, "verify-commits", f"{self.repo.base}..HEAD", "--key", self.key.vkey], cwd=folder,
                                  env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_history_that_was_cut_is_not_passed_off_as_whole(self):
        for number in range(4):
            self.repo.commit(f"step {number}\n\n{TRAILER}")
        clone = self.root / "shallow"
        self.repo.git("clone", "-q", "--depth=2", f"file://{self.repo.folder}", str(clone))
        shallow = Repository.__new__(Repository)
        shallow.folder, shallow.base = clone, self.repo.base
        code, _, err = self.run_it(repo=shallow)
        self.assertEqual(code, 2)
        self.assertIn("fetch-depth: 0", err)
        shallow.git("fetch", "-q", "--depth=1", "origin", self.repo.base)  # the base alone, and a gap between
        code, _, err = self.run_it(repo=shallow)
        self.assertEqual(code, 2)
        self.assertIn("cut", err)
        shallow.git("fetch", "-q", "--unshallow")
        self.assertEqual(self.report(repo=shallow)["totals"]["uncovered"], 4)

    def test_in_a_clone_that_fetched_the_refs(self):
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        self.repo.publish(seal(statement([commit]), self.key), "req_1")
        clone = Repository.__new__(Repository)
        clone.folder, clone.base = self.root / "clone", self.repo.base
        self.repo.git("clone", "-q", f"file://{self.repo.folder}", str(clone.folder))
        self.assertFalse(self.report(repo=clone)["ok"])  # a clone alone brings none
        clone.git("fetch", "-q", "origin", "+refs/countersign/attestations/*:refs/countersign/attestations/*")
        self.assertTrue(self.report(repo=clone)["ok"])

    # -- the CI snippets, run as they are documented ----------------------------------------------------------------

    def ci_clone(self, envelope_of):
        """A clone as CI has it, and the commits that an assisted push added."""
        commit = self.repo.commit(f"feature\n\n{TRAILER}")
        if envelope_of:
            self.repo.publish(envelope_of(commit), "req_1")
        folder = self.root / f"ci-{commit[:8]}"
        self.repo.git("clone", "-q", f"file://{self.repo.folder}", str(folder))
        return folder, commit

    def run_snippet(self, script, folder, **variables):
        done = subprocess.run(["bash", "-c", script], cwd=folder, env={**ENVIRONMENT, **variables}, capture_output=True,
                              text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def test_the_github_action(self):
        text = (ROOT / "docs" / "ci" / "github" / "action.yml").read_text()
        script = script_behind("      run: |\n", text)
        names = re.findall(r"^        (CS_\w+): \$\{\{", text, re.M)
        self.assertNotIn("${{", script)

        def run(folder, **changes):
            variables = dict.fromkeys(names, "")
            variables.update(CS_KEY=self.key.vkey, CS_BASE=self.repo.base, CS_HEAD="HEAD", CS_ALL="false", CS_MIN_APPROVALS="1",
                             CS_REMOTE="origin", CS_BINARY=BINARY, CS_DEFAULT_BRANCH="main", CS_THIS_BRANCH="main")
            variables.update(changes)
            return self.run_snippet(script, folder, **variables)

        folder, commit = self.ci_clone(None)
        self.assertEqual(run(folder)[0], 1)
        self.repo.publish(seal(statement([commit, self.repo.base]), self.key), "req_1")
        self.assertEqual(run(folder)[0], 0)
        self.assertEqual(run(folder, CS_BRANCH="main", CS_REPOSITORY="team/app", CS_UPSTREAM="origin", CS_ALL="true",
                             CS_REQUIRE_LEVEL="senior")[0], 0)
        self.assertEqual(run(folder, CS_BRANCH="dev")[0], 1)
        self.assertEqual(run(folder, CS_MIN_APPROVALS="2")[0], 1)
        # A new default branch is checked whole; a new other one for what it adds.
        code, text = run(folder, CS_BASE="0" * 40, CS_ALL="true")
        self.assertEqual((code, "2 commits" in text), (0, True), text)
        code, text = run(folder, CS_BASE="0" * 40, CS_THIS_BRANCH="feature")
        self.assertEqual((code, "0 commits" in text), (0, True), text)
        # Whatever cannot be checked fails.
        for change in ({"CS_KEY": ""}, {"CS_HEAD": ""}, {"CS_REMOTE": "nowhere"}, {"CS_BINARY": "/nonexistent"},
                       {"CS_BASE": "1" * 40}, {"CS_BASE": "", "CS_THIS_BRANCH": "x", "CS_DEFAULT_BRANCH": ""},
                       {"CS_BRANCH": "$(touch owned)"}):
            with self.subTest(**change):
                self.assertNotEqual(run(folder, **change)[0], 0)
        self.assertFalse((folder / "owned").exists())

    def test_the_gitlab_job(self):
        text = (ROOT / "docs" / "ci" / "gitlab.yml").read_text()
        script = script_behind("    - |\n", text)
        own = {"COUNTERSIGN_REPOSITORY": "team/app", "COUNTERSIGN_REQUIRE_LEVEL": "senior"}
        for name, value in own.items():
            self.assertIn(f"    {name}: {value}\n", text)
        key = self.root / "vkey"
        key.write_text(self.key.vkey + "\n")

        def run(folder, **changes):
            variables = {"COUNTERSIGN_VKEY": str(key), "CI_COMMIT_BEFORE_SHA": self.repo.base, "CI_COMMIT_SHA": "HEAD",
                         "CI_COMMIT_BRANCH": "main", "COUNTERSIGN_BINARY": BINARY, **own, **changes}
            return self.run_snippet(script, folder, **variables)

        folder, commit = self.ci_clone(lambda c: seal(statement([c, self.repo.base]), self.key))
        self.assertEqual(run(folder), (0, run(folder)[1]))
        code, text = run(folder, CI_COMMIT_BEFORE_SHA="0" * 40)
        self.assertEqual((code, "2 commits" in text), (0, True), text)
        self.assertEqual(run(folder, CI_COMMIT_BRANCH="dev")[0], 1)
        self.assertEqual(run(folder, COUNTERSIGN_REQUIRE_LEVEL="vp")[0], 1)
        self.assertNotEqual(run(folder, COUNTERSIGN_VKEY="")[0], 0)
        self.repo.publish(altered(seal(statement([commit]), self.key), lambda s: s.update(x=1)), "req_1")
        self.assertEqual(run(folder)[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
