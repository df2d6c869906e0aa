"""`countersign policy format` and `countersign policy translate`, on files, folders and standard input."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BINARY = pathlib.Path(os.environ["COUNTERSIGN_BINARY"])

UGLY = '// why\n@id("a")permit(principal,action in [Action::"x",Action::"y",],resource)when{context.a&&context.b};// end'
NEAT = ('// why\n@id("a")\npermit (\n  principal,\n  action in [Action::"x", Action::"y"],\n  resource\n)\n'
        'when { context.a && context.b }; // end\n')


def run(*arguments, stdin="", folder=None):
    done = subprocess.run([str(BINARY), "policy", *arguments], input=stdin, capture_output=True, text=True, cwd=folder, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Format(unittest.TestCase):
    def setUp(self):
        self.holder = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.holder.name)
        self.addCleanup(self.holder.cleanup)

    def test_prints_one_text(self):
        self.assertEqual(run("format", "-", stdin=UGLY), (0, NEAT, ""))
        (self.folder / "a.cedar").write_text(UGLY)
        self.assertEqual(run("format", "a.cedar", folder=self.folder), (0, NEAT, ""))
        self.assertEqual((self.folder / "a.cedar").read_text(), UGLY)
        narrow = run("format", "--line-width", "20", "--indent", "4", "-", stdin=UGLY)[1]
        self.assertIn("\n    action in\n        [Action::\"x\",\n", narrow)

    def test_check_and_write_go_through_folders(self):
        (self.folder / "floor").mkdir()
        (self.folder / "neat.cedar").write_text(NEAT)
        (self.folder / "floor" / "ugly.cedar").write_text(UGLY)
        (self.folder / "notes.txt").write_text(UGLY)
        os.chmod(self.folder / "floor" / "ugly.cedar", 0o640)
        code, out, err = run("format", "--check", str(self.folder))
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out.splitlines(), [str(self.folder / "floor" / "ugly.cedar")])
        self.assertEqual((self.folder / "floor" / "ugly.cedar").read_text(), UGLY)
        code, out, _ = run("format", "--write", str(self.folder))
        self.assertEqual((code, out.splitlines()), (0, [str(self.folder / "floor" / "ugly.cedar")]))
        self.assertEqual((self.folder / "floor" / "ugly.cedar").read_text(), NEAT)
        self.assertEqual((self.folder / "floor" / "ugly.cedar").stat().st_mode & 0o777, 0o640)
        self.assertEqual((self.folder / "notes.txt").read_text(), UGLY)
        self.assertEqual(run("format", "--check", str(self.folder)), (0, "", ""))
        self.assertEqual(sorted(path.name for path in self.folder.rglob("*") if path.is_file()),
                         ["neat.cedar", "notes.txt", "ugly.cedar"])

    def test_what_does_not_parse_is_left_alone(self):
        broken = self.folder / "broken.cedar"
        broken.write_text("permit(principal, action);\n")
        (self.folder / "ugly.cedar").write_text(UGLY)
        code, out, err = run("format", "--write", str(self.folder))
        self.assertEqual((code, out.splitlines()), (1, [str(self.folder / "ugly.cedar")]))
        self.assertIn(f"{broken}:1:25: expected `,`, found `)`\n  permit(principal, action);\n", err)
        self.assertEqual(broken.read_text(), "permit(principal, action);\n")

    def test_mistakes_on_the_command_line(self):
        for arguments in (["format"], ["format", "missing.cedar"], ["format", "."], ["format", "--check", "--write", "."],
                          ["format", "--line-width", "0", "-"], ["translate", "-"], ["translate", "--to", "xml", "-"],
                          ["translate", "--to", "json", "missing.cedar"]):
            (self.folder / "a.cedar").write_text(UGLY)
            (self.folder / "b.cedar").write_text(UGLY)
            code, out, err = run(*arguments, folder=self.folder)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertNotEqual(err, "", arguments)


class Translate(unittest.TestCase):
    def test_there_and_back(self):
        text = NEAT + '\nforbid (\n  principal is User in ?principal,\n  action,\n  resource\n)\nunless { context has a.b };\n'
        code, out, err = run("translate", "--to", "json", "-", stdin=text)
        self.assertEqual((code, err), (0, ""))
        document = json.loads(out)
        self.assertEqual(list(document["staticPolicies"]), ["policy0"])
        self.assertEqual(list(document["templates"]), ["policy1"])
        self.assertEqual(document["staticPolicies"]["policy0"]["annotations"], {"id": "a"})
        self.assertEqual(document["templates"]["policy1"]["principal"],
                         {"op": "is", "entity_type": "User", "in": {"slot": "?principal"}})
        code, back, err = run("translate", "--to", "cedar", stdin=out)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(back, text.replace("// why\n", "").replace(" // end", "").replace(
            "{ context has a.b }", "{ context has a && context.a has b }"))
        again = json.loads(run("translate", "--to", "json", stdin=back)[1])
        self.assertEqual(again, document)

    def test_one_policy_links_and_ids(self):
        anything = {"op": "All"}
        policy = {"effect": "permit", "principal": {"op": "==", "slot": "?principal"}, "action": anything, "resource": anything,
                  "conditions": []}
        self.assertEqual(run("translate", "--to", "cedar", stdin=json.dumps(policy))[:2],
                         (0, "permit (\n  principal == ?principal,\n  action,\n  resource\n);\n"))
        linked = {"templates": {"t": policy},
                  "templateLinks": [{"templateId": "t", "newId": "l", "values": {"?principal": {"type": "User", "id": "bo\nb"}}}]}
        code, out, _ = run("translate", "--to", "cedar", stdin=json.dumps(linked))
        self.assertEqual(code, 0)
        self.assertIn('// "t"\npermit (\n  principal == ?principal,', out)
        self.assertIn('// "l", a link of "t"\npermit (\n  principal == User::"bo\\nb",', out)

    def test_integers_are_exact_and_nesting_is_bounded(self):
        text = "permit (principal, action, resource)\nwhen { 9223372036854775807 == -9223372036854775808 };\n"
        out = run("translate", "--to", "json", stdin=text)[1]
        self.assertIn("9223372036854775807", out)
        self.assertEqual(run("translate", "--to", "cedar", stdin=out)[:2], (0, text))
        long = "permit (principal, action, resource) when { 1" + " + 1" * 20000 + " == 1 };"
        code, out, _ = run("translate", "--to", "json", stdin=long)
        self.assertEqual(code, 0)
        self.assertEqual(run("translate", "--to", "cedar", stdin=out)[0], 0)
        deep = "permit (principal, action, resource) when { " + "(" * 100000 + "1" + ")" * 100000 + " };"
        code, out, err = run("translate", "--to", "json", stdin=deep)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nested too deeply", err)

    def test_what_is_wrong_is_named(self):
        code, out, err = run("translate", "--to", "cedar", stdin='{"effect": "permit"}')
        self.assertEqual((code, out), (1, ""))
        self.assertIn("the member `principal` is missing [cedar.est.invalid]", err)
        code, out, err = run("translate", "--to", "json", stdin="permit(principal, action);")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("standard input:1:25: expected `,`, found `)`", err)


if __name__ == "__main__":
    unittest.main()
