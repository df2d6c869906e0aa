"""Signing in to the console: at an OpenID provider of other people's making, with an invitation and a password, and out again."""
import base64
import datetime
import http.client
import json
import re
import unittest
import urllib.parse

from harness import E2E, NODE_BIN, Process, World, free_port, wait_until

SESSION = "__Host-countersign"
SECRET = "a secret & more: 100%"


def age_of(session):
    """How many seconds ago the person of this session authenticated."""
    at = datetime.datetime.fromisoformat(session["signed_in"].replace("Z", "+00:00"))
    return (datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()


class Browser:
    """As much of a browser as signing in needs: a cookie jar for each address, and where it is sent."""

    def __init__(self):
        self.jars = {}

    def request(self, method, url, body=None, headers=None):
        parts = urllib.parse.urlsplit(url)
        jar = self.jars.setdefault(parts.netloc, {})
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        all_headers = {"Host": parts.netloc, **(headers or {})}
        if jar:
            all_headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        target = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, target, body=body, headers=all_headers)
        response = connection.getresponse()
        data = response.read()
        for cookie in response.headers.get_all("set-cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            gone = not value or "max-age=0" in cookie.lower() or "expires=thu, 01 jan 1970" in cookie.lower()
            jar.pop(name, None) if gone else jar.__setitem__(name, value)
        connection.close()
        return response, data

    def follow(self, url, until, most=15):
        """GETs, and goes where it is sent until an address begins with `until`: that address, not asked any more."""
        for _ in range(most):
            headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
            if "/api/v1/sign-in/oidc?" in url:
                headers["Sec-Fetch-Site"] = "same-origin"
            response, data = self.request("GET", url, headers=headers)
            if response.status not in (302, 303):
                raise AssertionError(f"{url} answered {response.status}: {data[:500]!r}")
            url = urllib.parse.urljoin(url, response.headers["location"])
            if url.startswith(until):
                return url
        raise AssertionError("sent around in circles")


class Provider:
    def __init__(self, folder, redirect, algorithm="RS256"):
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        log = folder / f"oidc-{algorithm}.log"
        self.process = Process([str(NODE_BIN / "node"), str(E2E / "oidc_server.mjs"), str(self.port), redirect, algorithm], log,
                               cwd=E2E)
        wait_until(lambda: '"issuer"' in log.read_text(), "the provider listens")

    def control(self, **what):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/control", body=json.dumps(what))
        assert connection.getresponse().status == 204
        connection.close()

    def stop(self):
        self.process.stop()


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.origin = f"http://localhost:{cls.gateway.admin_port}"
        cls.callback = cls.origin + "/api/v1/sign-in/oidc/callback"
        cls.configuration = (cls.world.folder / "countersign.yaml").read_text()
        (cls.world.folder / "secret").write_text(SECRET + "\n")
        (cls.world.folder / "secret").chmod(0o600)
        cls.providers = []
        cls.provider = cls.use_provider("RS256")

    @classmethod
    def tearDownClass(cls):
        for provider in cls.providers:
            provider.stop()
        cls.world.close()

    @classmethod
    def use_provider(cls, algorithm):
        """A new provider, which the gateway is started again with. Nobody is bound there yet."""
        provider = Provider(cls.world.folder, cls.callback, algorithm)
        cls.providers.append(provider)
        cls.gateway.stop()
        (cls.world.folder / "countersign.yaml").write_text(cls.configuration + f"""
sign_in:
  oidc: {{ issuer: "{provider.issuer}", client_id: countersign, client_secret: {{ file: ./secret }}, name: Company,
          algorithms: [{algorithm}] }}
""")
        cls.gateway.start()
        return provider

    # --- helpers ---

    def oidc(self, account, browser=None, fresh=False, age=0, path="/inbox"):
        """(browser, where it ends up) of a sign-in at the provider."""
        browser = browser or Browser()
        self.provider.control(account=account, age=age)
        start = f"{self.origin}/api/v1/sign-in/oidc?return={urllib.parse.quote(path, safe='')}" + ("&fresh=1" if fresh else "")
        callback = browser.follow(start, self.callback)
        return browser, browser.follow(callback, self.origin)

    def get(self, browser, path):
        response, data = browser.request("GET", self.origin + path)
        return response.status, json.loads(data) if data else None

    def post(self, browser, path, body, csrf=None):
        headers = {"Content-Type": "application/json", "Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        if csrf:
            headers["X-CSRF-Token"] = csrf
        response, data = browser.request("POST", self.origin + path, body=json.dumps(body), headers=headers)
        return response.status, json.loads(data) if data else None

    def records(self, action):
        """Oldest first."""
        rows = self.gateway.json("audit", "query", "--limit", "500")
        return sorted((row for row in rows if row.get("action") == action), key=lambda row: row["seq"])

    # --- at the provider ---

    def test_a_person_signs_in_and_out(self):
        status, methods = self.get(Browser(), "/api/v1/sign-in")
        self.assertEqual((status, methods["oidc"]), (200, {"name": "Company"}))
        browser, end = self.oidc("id-olivia", path="/requests?x=1")
        self.assertEqual(end, self.origin + "/requests?x=1")
        status, session = self.get(browser, "/api/v1/session")
        self.assertEqual(status, 200, session)
        self.assertEqual((session["user"], session["how"]), ("olivia", "oidc"))
        self.assertEqual(self.get(browser, "/api/v1/requests")[0], 200)
        signed_in = self.records("person:sign-in")[-1]
        self.assertEqual(signed_in["resources"], ["User::olivia"])
        cookie = browser.jars[urllib.parse.urlsplit(self.origin).netloc][SESSION]
        self.assertNotIn(cookie, (self.world.folder / "gateway.log").read_text())
        self.assertNotIn(cookie, json.dumps(self.gateway.json("audit", "query", "--limit", "500")))

        self.assertEqual(self.post(browser, "/api/v1/sign-out", {})[1]["code"], "admin.csrf")
        self.assertEqual(self.post(browser, "/api/v1/sign-out", {}, session["csrf"])[0], 204)
        self.assertEqual(self.get(browser, "/api/v1/session")[0], 401)
        replay = Browser()
        replay.jars[urllib.parse.urlsplit(self.origin).netloc] = {SESSION: cookie}
        self.assertEqual(self.get(replay, "/api/v1/session")[1]["code"], "session.none")
        self.assertTrue(self.records("person:sign-out"))

    def test_the_first_sign_in_binds(self):
        self.oidc("id-sam")
        _, end = self.oidc("id-impostor")
        self.assertIn("error=sign_in.bound_to_other", end)
        self.assertEqual(len(self.records("person:bind")), len({r["detail"] for r in self.records("person:bind")}))
        failed = self.records("person:sign-in-failed")[-1]
        self.assertEqual((failed["code"], failed["phase"]), ("sign_in.bound_to_other", "refused"))

    def test_strangers_and_the_nameless_stay_out(self):
        for account, code in (("id-stranger", "sign_in.not_listed"), ("id-nameless", "oidc.no_user"), (None, "oidc.refused")):
            browser, end = self.oidc(account)
            self.assertEqual(end, f"{self.origin}/sign-in?error={code}")
            self.assertNotIn(SESSION, browser.jars[urllib.parse.urlsplit(self.origin).netloc])

    def test_another_browser_cannot_finish_what_it_did_not_begin(self):
        attacker, victim = Browser(), Browser()
        self.provider.control(account="id-olivia", age=0)
        start = f"{self.origin}/api/v1/sign-in/oidc?return=%2F"
        answer = attacker.follow(start, self.callback)
        victim.follow(start, self.provider.issuer)  # has begun one of its own
        self.assertIn("error=oidc.unknown_state", victim.follow(answer, self.origin))
        self.assertIn("error=oidc.unknown_state", Browser().follow(answer, self.origin))
        self.assertEqual(attacker.follow(answer, self.origin), self.origin + "/")
        self.assertIn("error=oidc.unknown_state", attacker.follow(answer, self.origin), "and once only")

    def test_the_answer_must_be_the_providers(self):
        self.provider.control(account="id-olivia", age=0)
        browser = Browser()
        answer = browser.follow(f"{self.origin}/api/v1/sign-in/oidc?return=%2F", self.callback)
        self.assertIn("iss=", answer, "the provider is one that says who it is")
        other = re.sub(r"iss=[^&]*", "iss=" + urllib.parse.quote("https://evil.example", safe=""), answer)
        self.assertIn("error=oidc.mixed_up", browser.follow(other, self.origin))
        browser = Browser()
        answer = browser.follow(f"{self.origin}/api/v1/sign-in/oidc?return=%2F", self.callback)
        forged = re.sub(r"code=[^&]*", "code=made-up", answer)
        self.assertIn("error=oidc.token_refused", browser.follow(forged, self.origin))

    def test_return_addresses_stay_here(self):
        for path in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            response, data = Browser().request("GET", f"{self.origin}/api/v1/sign-in/oidc?return={urllib.parse.quote(path, safe='')}",
                                               headers={"Sec-Fetch-Site": "same-origin"})
            self.assertEqual((response.status, json.loads(data)["code"]), (400, "oidc.bad_return"), path)

    def test_step_up_is_a_new_authentication_and_a_new_cookie(self):
        browser, _ = self.oidc("id-olivia", age=7200)
        netloc = urllib.parse.urlsplit(self.origin).netloc
        before, old = self.get(browser, "/api/v1/session")[1], browser.jars[netloc][SESSION]
        self.oidc("id-olivia", browser=browser, fresh=True)
        after, new = self.get(browser, "/api/v1/session")[1], browser.jars[netloc][SESSION]
        self.assertNotEqual(old, new)
        self.assertNotEqual(before["csrf"], after["csrf"])
        self.assertAlmostEqual(age_of(before), 7200, delta=300, msg="when the provider did it, not when we were told")
        self.assertLess(age_of(after), 300)
        replay = Browser()
        replay.jars[netloc] = {SESSION: old}
        self.assertEqual(self.get(replay, "/api/v1/session")[0], 401)
        self.assertTrue(self.records("person:step-up"))

    # --- out again, at the provider ---

    def sign_out_there(self, browser):
        """As a person does it on the provider's own page."""
        _, page = browser.request("GET", f"{self.provider.issuer}/session/end")
        xsrf = re.search(r'name="xsrf" value="([^"]+)"', page.decode())
        self.assertIsNotNone(xsrf, page)
        response, page = browser.request("POST", f"{self.provider.issuer}/session/end/confirm", body=f"xsrf={xsrf.group(1)}&logout=yes",
                                         headers={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertIn(response.status, (200, 302, 303), page)

    def test_signing_out_at_the_provider_ends_that_session_here(self):
        here, _ = self.oidc("id-olivia")
        elsewhere, _ = self.oidc("id-olivia")
        other, _ = self.oidc("id-sam")
        self.assertEqual(self.get(here, "/api/v1/session")[0], 200)
        self.sign_out_there(here)
        wait_until(lambda: self.get(here, "/api/v1/session")[0] == 401, "the session is over here as well")
        self.assertIn('"told":"countersign"', self.provider.process.log.read_text())
        self.assertNotIn("not_told", self.provider.process.log.read_text(), "our answer was what the specification says")
        self.assertEqual(self.get(elsewhere, "/api/v1/session")[0], 200, "another browser's session is another one there")
        self.assertEqual(self.get(other, "/api/v1/session")[0], 200)
        record = self.records("person:sign-out")[-1]
        self.assertIn("by the identity provider", record["detail"])
        self.assertEqual(record["resources"], ["User::olivia"])
        self.oidc("id-olivia", browser=here)
        self.assertEqual(self.get(here, "/api/v1/session")[0], 200, "and in again")
        self.gateway.kill()
        self.gateway.start()
        self.sign_out_there(here)
        wait_until(lambda: self.get(here, "/api/v1/session")[0] == 401, "what it needs for that is on disk")

    def test_nobody_else_signs_people_out(self):
        browser, _ = self.oidc("id-olivia")
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
        now = int(datetime.datetime.now().timestamp())
        claims = {"iss": self.provider.issuer, "aud": "countersign", "sub": "id-olivia", "iat": now, "exp": now + 100, "jti": "made-up",
                  "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
        for header in ({"alg": "none", "typ": "logout+jwt"}, {"alg": "RS256", "kid": "k1", "typ": "logout+jwt"}, {"alg": "HS256", "kid": "k1"}):
            response, data = Browser().request("POST", f"{self.origin}/api/v1/sign-in/oidc/backchannel-logout",
                                               body=f"logout_token={part(header)}.{part(claims)}.{part('x' * 190)}",
                                               headers={"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual((response.status, response.headers["cache-control"]), (400, "no-store"), data)
            self.assertEqual(json.loads(data)["code"], "oidc.bad_logout_token")
        self.assertEqual(self.get(browser, "/api/v1/session")[0], 200)

    # --- accounts of our own ---

    def invite(self, name):
        invitation = self.gateway.json("person", "invite", name)
        self.assertEqual(invitation["link"], f"{self.origin}/invitation#{invitation['code']}")
        return invitation["code"]

    def test_an_invitation_a_password_and_too_many_guesses(self):
        code = self.invite("dana")
        browser = Browser()
        status, problem = self.post(browser, "/api/v1/sign-in/invitation", {"code": code, "password": "short"})
        self.assertEqual((status, problem["code"]), (400, "password.too_short"))
        status, session = self.post(browser, "/api/v1/sign-in/invitation", {"code": code, "password": "correct horse battery"})
        self.assertEqual((status, session["user"]), (200, "dana"))
        status, problem = self.post(Browser(), "/api/v1/sign-in/invitation", {"code": code, "password": "correct horse battery"})
        self.assertEqual((status, problem["code"]), (403, "invitation.invalid"))

        guesser = Browser()
        codes = [self.post(guesser, "/api/v1/sign-in/password", {"user": "dana", "password": f"guess number {i}"})[1]["code"]
                 for i in range(6)]
        self.assertEqual(codes, ["sign_in.failed"] * 5 + ["sign_in.too_many"])
        unknown = self.post(guesser, "/api/v1/sign-in/password", {"user": "hunter2hunter2", "password": "x"})[1]
        self.assertEqual(unknown["code"], "sign_in.failed")
        self.assertNotIn("hunter2hunter2", json.dumps(self.gateway.json("audit", "query", "--limit", "500")))
        self.assertEqual(self.get(browser, "/api/v1/session")[0], 200, "who is signed in stays so")
        people = {p["user"]: p for p in self.gateway.json("person", "list")}
        self.assertIsNotNone(people["dana"]["locked_until"])
        self.assertTrue(people["dana"]["password"])
        self.assertEqual(people["jun"]["last_signed_in"], None)

    def test_signing_somebody_out_and_resetting_them(self):
        code = self.invite("jun")
        browser = Browser()
        self.post(browser, "/api/v1/sign-in/invitation", {"code": code, "password": "correct horse battery"})
        sessions = self.gateway.json("person", "sessions", "jun")
        self.assertEqual([s["how"] for s in sessions], ["invitation"])
        self.assertIn(sessions[0]["id"], self.gateway.cli("person", "sessions", "jun", check=0)[1])
        done = self.gateway.json("person", "sign-out", "jun", "--reason", "laptop lost")
        self.assertEqual(done["sessions"], 1)
        self.assertEqual(self.get(browser, "/api/v1/session")[0], 401)
        self.assertIn("laptop lost", self.records("person:sign-out")[-1]["detail"])

        status, _ = self.post(browser, "/api/v1/sign-in/password", {"user": "jun", "password": "correct horse battery"})
        self.assertEqual(status, 200)
        self.gateway.json("person", "reset", "jun", "--reason", "account taken over")
        self.assertEqual(self.get(browser, "/api/v1/session")[0], 401)
        status, problem = self.post(browser, "/api/v1/sign-in/password", {"user": "jun", "password": "correct horse battery"})
        self.assertEqual(problem["code"], "sign_in.failed")
        self.assertEqual(self.gateway.cli("person", "reset", "nobody", "--reason", "x")[0], 1)
        self.assertEqual(self.gateway.cli("person", "invite", "nobody")[0], 1)
        # Over the network nobody makes invitations: who can, can become anybody.
        dana = self.gateway.person("dana")
        code, _, error = self.gateway.cli("person", "invite", "jun", "--server", self.origin, token=dana)
        self.assertEqual(code, 1)
        self.assertIn("admin.socket_only", error)

    def test_sessions_survive_a_restart_of_the_gateway(self):
        browser, _ = self.oidc("id-olivia")
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.get(browser, "/api/v1/session")[1]["user"], "olivia")

    # --- the rest of the world ---

    def test_z_the_other_algorithms(self):
        for algorithm in ("ES256", "PS256", "EdDSA"):
            type(self).provider = self.use_provider(algorithm)
            browser, end = self.oidc("id-olivia")
            self.assertEqual(end, self.origin + "/inbox", algorithm)
            self.assertEqual(self.get(browser, "/api/v1/session")[1]["user"], "olivia")

    def test_zz_when_the_provider_is_down_the_rest_works(self):
        browser, _ = self.oidc("id-sam")
        code = self.invite("sam")
        type(self).provider = self.use_provider("RS256")  # nothing kept of its metadata
        self.provider.stop()
        response, data = Browser().request("GET", f"{self.origin}/api/v1/sign-in/oidc?return=%2F",
                                           headers={"Sec-Fetch-Site": "same-origin"})
        self.assertEqual((response.status, json.loads(data)["code"]), (503, "oidc.unavailable"))
        self.assertEqual(self.get(browser, "/api/v1/session")[1]["user"], "sam", "sessions go on")
        status, session = self.post(Browser(), "/api/v1/sign-in/invitation", {"code": code, "password": "correct horse battery"})
        self.assertEqual((status, session["user"]), (200, "sam"))
        status, session = self.post(Browser(), "/api/v1/sign-in/password", {"user": "sam", "password": "correct horse battery"})
        self.assertEqual((status, session["user"]), (200, "sam"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
