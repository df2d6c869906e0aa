"""Telling people, end to end: a running gateway and receivers of other people's making. Webhooks are verified by the library of
the Standard Webhooks project, mail is taken by aiosmtpd, and the chat takes only what Slack documents that it takes.
"""
import base64
import email
import email.policy
import http.client
import json
import os
import pathlib
import re
import subprocess
import unittest
import urllib.parse

from harness import E2E, NODE_BIN, Gateway, Process, World, free_port, wait_until

DEBIAN_PYTHON = "/usr/bin/python3"  # whatever python3 means here, aiosmtpd is Debian's
SIGNING = "whsec_" + base64.b64encode(b"a secret of the pager, 32 bytes!").decode()
PLAIN_SIGNING = "a plain secret & no base64"
CHAT_SECRET = "T0SECRET/B0SECRET/xyzzy-chat"
MAIL_PASSWORD = "mail password: 100% & more"

RULES = """
rules:
  production-change:
    stages: [ { name: platform, group: "team:platform", min_level: senior, escalate: { after: 1s, add: ["user:dana"] } } ]
    expires: 1h
  quick:
    stages: [ { name: platform, group: "team:platform", min_level: senior, escalate: { after: 1s, add: ["user:dana"] } } ]
    remind: [2s]
    expires: 4s
  tier-0-change: { stages: [ { name: eyes, group: anyone, min_level: principal } ] }
  sensitive-change: { stages: [ { name: platform, group: "team:platform", min_level: senior } ] }
"""
ALONE = "bursts: { window: 0s }\n"  # every request is told by itself

QUICK = """
@id("quick-folder")
@approval("quick")
forbid (principal, action in Action::"change", resource)
when { resource.name like "production/quick/*" };
"""

EVERYTHING = "[held, reminded, vote, approved, denied, expired, withdrawn, done, failed]"
TEXT = "{{agent}} (for {{owner}}) {{event}}: {{sentence}} | {{reason}} | {{missing}} | {{link}}"


def certificates(folder):
    """An authority with a certificate for 127.0.0.1, one of its own for another name, and one of a stranger's."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "stranger"):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    for name, by, address in (("good", "ca", "IP:127.0.0.1"), ("other", "ca", "DNS:mail.example.com"),
                              ("untrusted", "stranger", "IP:127.0.0.1")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={address}\n")
        openssl("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Receiver:
    """A process that writes down what it gets, a line of JSON each; what came before a restart is still there after it."""

    def __init__(self, name, folder, argv, port=None, environment=None):
        self.name, self.folder, self._argv, self._environment = name, pathlib.Path(folder), argv, environment or {}
        self.port = port or free_port()
        self.state = self.folder / f"{name}.received"
        self.state.touch()
        self.process = None
        self.start()

    def start(self):
        log = self.folder / f"{self.name}.log"
        before = log.read_text().count("listening") if log.exists() else 0
        argv = [part.format(port=self.port, state=self.state) for part in self._argv]
        self.process = Process(argv, log, cwd=E2E, env={**os.environ, **self._environment})
        wait_until(lambda: log.read_text().count("listening") > before, f"{self.name} listens")

    def stop(self):
        self.process.stop()

    def received(self):
        return [json.loads(line) for line in self.state.read_text().splitlines()]

    def control(self, *script):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/control", body=json.dumps(script))
        assert connection.getresponse().status == 204
        connection.close()

    def hooks(self, request, event=None):
        """Webhooks about a request, oldest first, with their body as `said`."""
        out = []
        for each in self.received():
            said = json.loads(each["body"]) if each["body"].startswith("{") else {}
            if said.get("data", {}).get("request") != request or (event and said["type"] != f"countersign.request.{event}"):
                continue
            out.append({**each, "said": said, "id": each["headers"]["webhook-id"]})
        return out

    def received_hooks(self):
        return [{**each, "said": json.loads(each["body"])} for each in self.received() if each["path"] == "/hook"]

    def chats(self, request):
        return [{**each, "said": json.loads(each["body"])} for each in self.received() if request in each["body"]]

    def mails(self, request):
        out = []
        for each in self.received():
            if each["did"] != "mail":
                continue
            raw = base64.b64decode(each["message"])
            message = email.message_from_bytes(raw, policy=email.policy.default)
            if request in message.get_content():
                out.append({**each, "raw": raw, "mail": message, "text": message.get_content()})
        return out


def hook_receiver(name, folder, secret=SIGNING, port=None, tls=None):
    argv = [str(NODE_BIN / "node"), str(E2E / "hook_receiver.mjs"), "{port}", "{state}", secret]
    return Receiver(name, folder, argv + ([f"{folder}/{tls}.pem", f"{folder}/{tls}.key"] if tls else []), port)


def mail_receiver(name, folder, mode, certificate=None):
    argv = [DEBIAN_PYTHON, str(E2E / "mail_receiver.py"), "{port}", "{state}", mode]
    if certificate:
        argv += [f"{folder}/{certificate}.pem", f"{folder}/{certificate}.key"]
    return Receiver(name, folder, argv, environment={"USER": "countersign", "PASSWORD": MAIL_PASSWORD})


class Notifications(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.receivers = []
        cls.gateway = cls.world.gateway
        cls.folder = cls.world.folder
        cls.gateway.stop()
        for name, secret in (("signing", SIGNING), ("plain", PLAIN_SIGNING), ("mail", MAIL_PASSWORD)):
            cls.secret(name, secret)
        certificates(cls.folder)
        policies = cls.folder / "policies"
        (policies / "approvals.yaml").write_text(RULES + ALONE)
        (policies / "45-quick.cedar").write_text(QUICK)
        cls.pager, cls.chat = cls.hook("pager"), cls.hook("chat")
        cls.starttls, cls.implicit = cls.mail("starttls", "starttls", "good"), cls.mail("implicit", "implicit", "good")
        cls.secret("chat", f"http://127.0.0.1:{cls.chat.port}/chat/{CHAT_SECRET}")
        cls.configuration = (cls.folder / "countersign.yaml").read_text()
        # The ones that work; each test may start the gateway with others besides.
        cls.targets = f"""
notifications:
  - {{ name: pager, kind: webhook, url: "http://127.0.0.1:{cls.pager.port}/hook", secret: {{ file: ./secret-signing }}, events: {EVERYTHING} }}
  - {{ name: chat, kind: slack, url: {{ file: ./secret-chat }}, events: [held, withdrawn, denied], text: "{TEXT}" }}
  - {{ name: mail, kind: email, url: "smtp://127.0.0.1:{cls.starttls.port}", user: countersign, secret: {{ file: ./secret-mail }}, ca: ./ca.pem,
      from: gate@example.com, to: [platform@example.com, sre@example.com], events: [held, withdrawn], subject: "{{{{agent}}}} {{{{event}}}} {{{{reason}}}}", text: "{TEXT}" }}
  - {{ name: mails, kind: email, url: "smtps://127.0.0.1:{cls.implicit.port}", user: countersign, secret: {{ file: ./secret-mail }}, ca: ./ca.pem,
      from: gate@example.com, to: [platform@example.com] }}
"""
        cls.configure()
        cls.gateway.start()
        cls.builder = cls.gateway.agent_token()[1]
        cls.sam = cls.gateway.person("sam")

    @classmethod
    def tearDownClass(cls):
        for receiver in cls.receivers:
            receiver.stop()
        cls.world.close()

    @classmethod
    def secret(cls, name, value):
        path = cls.folder / f"secret-{name}"
        path.write_text(value + "\n")
        path.chmod(0o600)

    @classmethod
    def hook(cls, name, **how):
        cls.receivers.append(hook_receiver(name, cls.folder, **how))
        return cls.receivers[-1]

    @classmethod
    def mail(cls, name, mode, certificate=None):
        cls.receivers.append(mail_receiver(name, cls.folder, mode, certificate))
        return cls.receivers[-1]

    @classmethod
    def configure(cls, more=""):
        (cls.folder / "countersign.yaml").write_text(cls.configuration + cls.targets + more)

    def restart_with(self, more):
        """The gateway with these targets besides; without them again after the test."""
        self.gateway.stop()
        self.configure(more)
        self.gateway.start()
        self.addCleanup(self.restart_without)

    def restart_without(self):
        self.gateway.stop()
        self.configure()
        self.gateway.start()

    # --- helpers ---

    def hold(self, path, body=b"x"):
        status, _, text = self.gateway.http("PUT", f"/web/production/{path}", self.builder, body=body)
        self.assertEqual(status, 202, text)
        return json.loads(text)["request"]

    def withdraw(self, request, reason="changed my mind"):
        status, _, text = self.gateway.http("DELETE", f"/.countersign/requests/{request}", self.builder, body=json.dumps({"reason": reason}))
        self.assertEqual(status, 200, text)

    def log(self):
        return (self.folder / "gateway.log").read_text()

    def count(self, target, result):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.admin_port, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(rf'^countersign_notifications_total{{(?=[^}}]*target="{target}")(?=[^}}]*result="{result}")[^}}]*}} (\d+)', text, re.M)
        self.assertIsNotNone(found, text)
        return int(found.group(1))

    def hooks(self, request, event, count=1):
        return wait_until(lambda: (found := self.pager.hooks(request, event)) and len(found) >= count and found,
                          f"the pager has heard {count} times that {request} is {event}")

    def inert(self, text):
        """Nothing in it that is not seen."""
        self.assertIsNone(re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n")), repr(text))

    # --- what is told ---

    def test_a_burst_is_two_messages_not_eight(self):
        rules = self.folder / "policies" / "approvals.yaml"
        self.gateway.stop()
        rules.write_text(RULES + "bursts: { window: 3s }\n")
        self.gateway.start()
        try:
            requests = [self.hold(f"burst-{i}.txt") for i in range(8)]
            (hook,) = self.hooks(requests[0], "held")
            self.assertNotIn("burst", hook["said"]["data"], "the first at once, while nobody knows that others come")
            first, second = self.hooks(requests[0], "held", 2)
            burst = second["said"]["data"]["burst"]
            self.assertEqual((burst["requests"], burst["sentence"]), (8, "make 8 changes on web (production): 8 write"))
            link = f"http://localhost:{self.gateway.admin_port}/bursts/{burst['id']}"
            self.assertEqual(second["said"]["data"]["link"], link)
            (chat,) = wait_until(lambda: self.chat.chats(burst["id"]), "the chat has heard")
            self.assertIn("make 8 changes on web", chat["said"]["text"])
            # What comes afterwards is told after all of it: nothing of the others was told in between.
            last = self.hold("after-the-burst.txt")
            self.hooks(last, "held")
            for request in requests[1:]:
                self.assertEqual(self.pager.hooks(request, "held"), [])
        finally:
            self.gateway.stop()
            rules.write_text(RULES + ALONE)
            self.gateway.start()

    def test_a_held_request_is_told_everywhere(self):
        request = self.hold("told.txt")
        link = f"http://localhost:{self.gateway.admin_port}/requests/{request}"
        (hook,) = self.hooks(request, "held")
        self.assertEqual((hook["problem"], hook["headers"]["content-type"]), ("", "application/json"), "verified by the library")
        data = hook["said"]["data"]
        self.assertEqual((data["agent"], data["owner"], data["upstream"], data["effect"], data["environment"], data["state"], data["link"]),
                         ("builder", "olivia", "web", "write", "production", "held", link))
        self.assertIn("platform", data["missing"])

        (chat,) = wait_until(lambda: self.chat.chats(request), "the chat has heard")
        self.assertEqual(chat["problem"], "", "Slack would take it")
        button = next(block for block in chat["said"]["blocks"] if block["type"] == "actions")["elements"][0]
        self.assertEqual(button["url"], link)
        self.assertTrue(chat["said"]["text"].endswith(link), chat["said"]["text"])

        (mail,) = wait_until(lambda: self.starttls.mails(request), "the mail has come")
        self.assertTrue(mail["tls"] and mail["authenticated"])
        self.assertEqual((mail["sender"], mail["to"]), ("gate@example.com", ["platform@example.com", "sre@example.com"]))
        self.assertEqual((mail["mail"]["to"], mail["mail"]["auto-submitted"]), ("platform@example.com, sre@example.com", "auto-generated"))
        self.assertIn(link, mail["text"])
        (other,) = wait_until(lambda: self.implicit.mails(request), "the other mail has come")
        self.assertTrue(other["tls"] and other["authenticated"])
        self.assertEqual(other["mail"]["message-id"], f"<{hook['id']}@example.com>")
        self.assertEqual(other["mail"]["subject"], "builder on web waits for approval")
        self.assertEqual(mail["mail"].defects, [])

    def test_what_becomes_of_it_is_told_in_order(self):
        approved = self.hold("approved.txt")
        self.gateway.cli("approve", approved, "--reason", "looked at it", token=self.sam, check=0)
        self.hooks(approved, "done")
        self.assertEqual([hook["said"]["type"].rsplit(".")[-1] for hook in self.pager.hooks(approved)], ["held", "approved", "done"])
        denied = self.hold("denied.txt")
        self.gateway.cli("deny", denied, "--reason", "not on a Friday", token=self.sam, check=0)
        (hook,) = self.hooks(denied, "denied")
        self.assertEqual((hook["said"]["data"]["state"], hook["said"]["data"]["reason"]), ("denied", "not on a Friday"))
        (_, chat) = wait_until(lambda: len(found := self.chat.chats(denied)) > 1 and found, "the chat has heard of both")
        self.assertIn("not on a Friday", chat["said"]["text"])
        withdrawn = self.hold("withdrawn.txt")
        self.withdraw(withdrawn)
        self.hooks(withdrawn, "withdrawn")
        ids = [hook["headers"]["webhook-id"] for hook in self.pager.received_hooks() if hook["how"] == 204]
        self.assertEqual(len(ids), len(set(ids)), "nothing was sent twice that was taken")

    def test_reminders_name_whom_escalation_added_and_expiry_is_no_denial(self):
        request = self.hold("quick/a.txt")
        (reminded,) = self.hooks(request, "reminded")
        self.assertIn("dana", reminded["said"]["data"]["missing"])
        (expired,) = self.hooks(request, "expired")
        self.assertEqual(expired["said"]["data"]["state"], "expired")
        self.assertEqual(self.pager.hooks(request, "denied"), [])

    # --- when it does not work at once ---

    def test_what_is_not_taken_is_sent_again_with_the_same_id(self):
        self.pager.control(500, "hang", 503)
        request = self.hold("again.txt")
        hooks = self.hooks(request, "held", 4)
        self.assertEqual([hook["how"] for hook in hooks], [500, "hang", 503, 204])
        self.assertEqual(len({hook["id"] for hook in hooks}), 1)
        self.assertEqual({hook["problem"] for hook in hooks}, {""}, "each is signed with a time of its own")
        self.assertGreater(len({hook["headers"]["webhook-timestamp"] for hook in hooks}), 1)
        log = self.log()
        for code in ("notify.refused", "http_client.timed_out"):
            self.assertIn(code, log)

    def test_redirects_and_huge_answers_are_not_taken(self):
        self.pager.control("redirect", "huge")
        request = self.hold("elsewhere.txt")
        hooks = self.hooks(request, "held", 3)
        self.assertEqual([hook["how"] for hook in hooks], ["redirect", "huge", 204])
        self.assertEqual([each for each in self.pager.received() if each["path"] == "/elsewhere"], [], "nothing follows a redirect")
        self.assertIn("http_client.too_large", self.log())

    def test_a_receiver_that_was_away_gets_everything_in_order_and_once(self):
        self.pager.stop()
        requests = [self.hold(f"away-{i}.txt") for i in range(5)]
        self.withdraw(requests[2])
        (chat,) = wait_until(lambda: self.chat.chats(requests[4]), "others are told meanwhile")
        self.assertEqual(chat["problem"], "")
        wait_until(lambda: self.count("pager", "failed") >= 1, "it was tried")
        self.pager.start()
        self.hooks(requests[2], "withdrawn")
        heard = [(hook["said"]["data"]["request"], hook["said"]["type"].rsplit(".")[-1]) for hook in self.pager.received_hooks()
                 if hook["said"]["data"]["request"] in requests]
        self.assertEqual(heard, [(request, "held") for request in requests] + [(requests[2], "withdrawn")])

    def test_mail_that_is_refused_for_now_comes_later(self):
        refuse = pathlib.Path(str(self.starttls.state) + ".refuse")
        refuse.write_text("451 4.3.0 try again")
        request = self.hold("later.txt")
        wait_until(lambda: len(self.starttls.mails(request)) >= 1, "it was tried")
        refuse.unlink()
        mails = wait_until(lambda: len(found := self.starttls.mails(request)) >= 2 and found, "it comes")
        self.assertEqual([mail["answered"] for mail in mails][-1], "250 2.0.0 taken")
        self.assertEqual(len({mail["mail"]["message-id"] for mail in mails}), 1)
        self.assertIn("it replied 451", self.log())
        self.assertNotIn("try again", self.log(), "words of a stranger's server are not repeated")

    def test_a_mailbox_that_is_gone_keeps_nobody_else_from_being_told(self):
        server = self.mail("gone", "open")
        self.restart_with(f"""
  - {{ name: gone, kind: email, url: "smtp://127.0.0.1:{server.port}", from: gate@example.com, to: [a@example.com, gone@example.com, b@example.com] }}
  - {{ name: nobody, kind: email, url: "smtp://127.0.0.1:{server.port}", from: gate@example.com, to: [gone@example.com] }}
""")
        request = self.hold("gone.txt")
        (mail,) = wait_until(lambda: server.mails(request), "it comes")
        self.assertEqual(mail["to"], ["a@example.com", "b@example.com"])
        wait_until(lambda: self.count("nobody", "failed") >= 2, "what nobody has got is tried again")
        self.assertEqual((self.count("gone", "sent"), self.count("gone", "failed"), self.count("nobody", "sent")), (1, 0, 0))
        self.assertEqual(len(server.mails(request)), 1)
        told = [line for line in self.log().splitlines() if "did not reach everybody" in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn("550", told[0])
        self.assertIn("it replied 550", self.log())

    # --- crashes ---

    def test_what_was_committed_is_told_after_a_crash(self):
        self.pager.stop()
        request = self.hold("crash.txt")
        self.gateway.kill()
        self.assertEqual(self.pager.hooks(request), [])
        self.pager.start()
        self.gateway.start()
        (hook,) = self.hooks(request, "held")
        self.assertEqual(hook["problem"], "")
        (mail,) = wait_until(lambda: self.implicit.mails(request), "mail, too")
        self.assertEqual(mail["mail"]["message-id"], f"<{hook['id']}@example.com>")

    def test_a_crash_before_the_answer_tells_it_again_with_the_same_id(self):
        self.pager.control("hang")
        request = self.hold("unsure.txt")
        self.hooks(request, "held")
        self.gateway.kill()
        self.gateway.start()
        first, second = self.hooks(request, "held", 2)
        self.assertEqual((first["how"], second["how"]), ("hang", 204))
        self.assertEqual(first["id"], second["id"])
        self.assertEqual(first["said"], second["said"])

    # --- hostile agents ---

    def test_what_an_agent_writes_stays_text(self):
        hostile = "x\r\nBcc: everybody@example.com\r\n\r\n<!channel> <https://evil.example|the console> [here](https://evil.example) @all <b>bold</b> \u202ecod.exe"
        path = "hostile/" + urllib.parse.quote("<!here>&[x](https:evil.example)@all", safe="()@:&!")
        request = self.hold(path)
        self.withdraw(request, hostile)
        mails = wait_until(lambda: len(found := self.starttls.mails(request)) >= 2 and found, "mail of both")
        for mail in mails:
            head = mail["raw"].split(b"\r\n\r\n")[0].decode("ascii")
            names = [line.split(":")[0].lower() for line in head.split("\r\n") if not line.startswith(" ")]
            self.assertEqual(sorted(names), sorted(["from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version",
                                                    "content-type", "content-transfer-encoding"]))
            self.assertEqual(mail["to"], ["platform@example.com", "sre@example.com"])
            self.assertEqual(mail["mail"].get_content_type(), "text/plain", "HTML in it is only text")
            self.assertNotIn("\n", mail["mail"]["subject"])
            self.inert(mail["mail"]["subject"])
            self.inert(mail["text"])
        self.assertIn("Bcc: everybody@example.com", mails[1]["mail"]["subject"], "seen, as what it is")
        chats = wait_until(lambda: len(found := self.chat.chats(request)) >= 2 and found, "the chat heard of both")
        for chat in chats:
            self.assertEqual(chat["problem"], "")
            texts = [chat["said"]["text"]] + [block["text"]["text"] for block in chat["said"]["blocks"] if "text" in block]
            for text in texts:
                self.assertNotIn("<", text)
                self.assertNotIn("](", text)
                self.assertIsNone(re.search(r"(^|\W)@(all|here|channel)", text), text)
                self.assertTrue(text.endswith(f"/requests/{request}"), "the link is there, and last")
                self.inert(text)
            self.assertEqual([block["text"]["type"] for block in chat["said"]["blocks"] if "text" in block], ["plain_text"])
        hook = self.hooks(request, "withdrawn")[0]
        self.assertEqual((hook["problem"], hook["said"]["data"]["reason"]), ("", hostile), "programs get what was written")

    def test_no_text_is_so_long_that_nobody_is_told(self):
        request = self.hold("long/" + "&" * 1500)
        self.withdraw(request, "&<@" * 1000)
        chats = wait_until(lambda: len(found := self.chat.chats(request)) >= 2 and found, "the chat heard of both")
        self.assertEqual([(chat["problem"], chat["how"]) for chat in chats], [("", 200)] * 2)
        for chat in chats:
            self.assertTrue(chat["said"]["text"].endswith(f"/requests/{request}"))

    # --- who may hear ---

    def test_plain_secrets_and_https(self):
        plain = self.hook("plain", secret=PLAIN_SIGNING, tls="good")
        self.restart_with(f"""
  - {{ name: plain, kind: webhook, url: "https://127.0.0.1:{plain.port}/hook", secret: {{ file: ./secret-plain }}, ca: ./ca.pem }}
""")
        request = self.hold("plain.txt")
        (hook,) = wait_until(lambda: plain.hooks(request), "it is told over https")
        self.assertEqual((hook["problem"], hook["how"]), ("", 204))

    def test_nothing_goes_to_a_server_that_cannot_prove_who_it_is(self):
        servers = {name: self.mail(name, mode, certificate)
                   for name, mode, certificate in (("untrusted", "starttls", "untrusted"), ("untrusteds", "implicit", "untrusted"),
                                                   ("misnamed", "implicit", "other"), ("clear", "clear", None))}
        hook = self.hook("imposter", tls="untrusted")
        more = "".join(f"""
  - {{ name: {name}, kind: email, url: "smtp{'s' if name in ('untrusteds', 'misnamed') else ''}://127.0.0.1:{server.port}", user: countersign,
      secret: {{ file: ./secret-mail }}, ca: ./ca.pem, from: gate@example.com, to: [platform@example.com] }}
""" for name, server in servers.items())
        self.restart_with(more + f"""
  - {{ name: imposter, kind: webhook, url: "https://127.0.0.1:{hook.port}/hook", secret: {{ file: ./secret-signing }}, ca: ./ca.pem }}
""")
        request = self.hold("secret.txt")
        self.hooks(request, "held")
        for name in (*servers, "imposter"):
            wait_until(lambda: self.count(name, "failed") >= 1, f"{name} was tried")
            self.assertEqual(self.count(name, "sent"), 0)
            code = "http_client.tls" if name == "imposter" else "mail.tls"
            lines = [line for line in self.log().splitlines() if "was not taken" in line and re.search(rf'"?target"?[=:]\s*"?{name}\b', line)]
            self.assertTrue(lines and all(code in line for line in lines), (name, lines))
        for server in (*servers.values(), hook):
            self.assertEqual(server.received(), [], "neither the message nor the password left the gateway")

    def test_mail_without_a_password_may_go_unencrypted(self):
        server = self.mail("open", "open")
        self.restart_with(f"""
  - {{ name: open, kind: email, url: "smtp://127.0.0.1:{server.port}", from: gate@example.com, to: [platform@example.com] }}
""")
        request = self.hold("open.txt")
        (mail,) = wait_until(lambda: server.mails(request), "it comes")
        self.assertFalse(mail["tls"])

    def test_addresses_and_secrets_that_are_none_are_said_at_the_start(self):
        for name, value, what, target in (
                ("bad", "http://hooks.example.com/secret-path", "notify.bad_url", 'kind: slack, url: { file: ./secret-bad }'),
                ("bad", "smtp://no-port/secret-path", "notify.bad_url",
                 'kind: email, url: { file: ./secret-bad }, from: a@example.com, to: [a@example.com]'),
                ("bad", "whsec_!secret-path!", "notify.bad_secret", 'kind: webhook, url: "https://a.example", secret: { file: ./secret-bad }')):
            self.secret(name, value)
            self.gateway.stop()
            self.configure(f"\n  - {{ name: bad, {target} }}\n")
            before = len(self.log())
            with self.assertRaises(AssertionError):
                Gateway.start(self.gateway)
            said = self.log()[before:]
            self.assertIn(what, said)
            self.assertNotIn("secret-path", said)
        self.restart_without()

    def test_zz_no_log_has_a_secret(self):
        self.chat.stop()
        request = self.hold("quiet.txt")
        wait_until(lambda: self.count("chat", "failed") >= 1, "the chat was tried")
        self.chat.start()
        wait_until(lambda: self.chat.chats(request), "the chat has heard")
        records = json.dumps(self.gateway.json("audit", "query", "--limit", "1000"))
        for secret in (SIGNING, SIGNING.removeprefix("whsec_"), PLAIN_SIGNING, CHAT_SECRET, CHAT_SECRET.rsplit("/")[-1], MAIL_PASSWORD):
            self.assertNotIn(secret, self.log())
            self.assertNotIn(secret, records)


if __name__ == "__main__":
    unittest.main(verbosity=2)
