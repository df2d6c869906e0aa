"""STS of the account: sessions for a role, each with the policy it was asked for, which the account then keeps to."""
import fnmatch
import json
import re
import time
import urllib.parse
from dataclasses import dataclass, field

NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
OPERATIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


@dataclass
class Session:
    """What was asked for, and the keys that were given for it."""

    call: str
    signer: str  # key id; empty: nobody
    asked: dict
    secret: str
    token: str
    used: list = field(default_factory=list)

    @property
    def policy(self):
        return json.loads(self.asked["Policy"]) if "Policy" in self.asked else None

    def allows(self, action, resource):
        """As IAM reads a session policy, without conditions: a statement that has one is about something else."""
        if self.policy is None:
            return True
        for statement in self.policy["Statement"]:
            actions, resources = ([v] if isinstance(v, str) else v for v in (statement["Action"], statement["Resource"]))
            if "Condition" not in statement and any(fnmatch.fnmatchcase(action, one) for one in actions) \
                    and any(fnmatch.fnmatchcase(resource, one) for one in resources):
                return True
        return False


class Sts:
    """`tokens`: web identity tokens there are. Made to fail by `refuse`: a status and a code."""

    def __init__(self, account="111122223333"):
        self.account, self.sessions, self.tokens, self.refuse, self.seconds, self.calls = account, {}, set(), None, 3600, []

    def answer(self, body, signer, session):
        """(status, fields, body) of a call. `signer` is a key id, empty for a call that nobody signed."""
        asked = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
        self.calls.append(asked)
        call = asked.get("Action", "")
        if self.refuse:
            return self._error(*self.refuse)
        if call == "AssumeRole":
            if not signer or not NAME.fullmatch(asked["RoleSessionName"]) or not NAME.fullmatch(asked["SourceIdentity"]):
                return self._error(400, "ValidationError")
            if len(asked.get("Policy", "")) > 2048:
                return self._error(400, "ValidationError")
            if session is not None and int(asked["DurationSeconds"]) > 3600:  # role chaining
                return self._error(400, "ValidationError")
        elif call == "AssumeRoleWithWebIdentity":
            if signer or asked["WebIdentityToken"] not in self.tokens:
                return self._error(400, "InvalidIdentityToken")
        else:
            return self._error(400, "InvalidAction")
        number = len(self.sessions) + 1
        key = f"ASIA{number:016d}"
        made = self.sessions[key] = Session(call, signer, asked, f"secret/of+session{number}", f"token/of+session{number}==" + "x" * 300)
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.seconds))
        return 200, [("Content-Type", "text/xml")], f"""<{call}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{call}Result>
    <AssumedRoleUser><Arn>{asked["RoleArn"]}/{asked["RoleSessionName"]}</Arn><AssumedRoleId>AROA:{asked["RoleSessionName"]}</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{made.secret}</SecretAccessKey>
      <SessionToken>{made.token}</SessionToken><Expiration>{ends}</Expiration>
    </Credentials>
  </{call}Result>
  <ResponseMetadata><RequestId>{number}</RequestId></ResponseMetadata>
</{call}Response>
""".encode()

    @staticmethod
    def _error(status, code):
        return status, [("Content-Type", "text/xml")], (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                                                        f"<Message>no</Message></Error></ErrorResponse>").encode()

    def complaint_about(self, session, service, method, target, fields, region):
        """None where the session may do it."""
        path, _, query = target.partition("?")
        if service == "dynamodb":
            action, resource = "dynamodb:" + fields.get("x-amz-target", "").partition(".")[2], f"arn:aws:dynamodb:{region}:{self.account}:table/*"
            allowed = any(session.allows(action, f"arn:aws:dynamodb:{region}:{self.account}:table/{table}") for table in ("staging", "orders"))
            return None if allowed else f"the session may not {action} on {resource}"
        bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        if key and not query:
            action, resource = "s3:" + OPERATIONS.get(method, "*"), f"arn:aws:s3:::{bucket}/{key}"
        else:
            return None
        return None if session.allows(action, resource) else f"the session may not {action} on {resource}"
