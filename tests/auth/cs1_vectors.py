"""Makes and checks tests/cases/token/vectors.json (see cs1.py). Every value is fixed, so the file is reproducible."""
import json

import cs1
from cs1 import Refused, aws, bearer, cbor, chain, chain_id, delegable, join, mac

KEYS = {"2026a": bytes(range(32)), "2026b": bytes(range(100, 132))}
IAT, NOW, EXP = 1795000000, 1795000600, 1795003600
ID = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
CLAIMS = {
    "v": 1,
    "kid": "2026a",
    "id": ID,
    "agent": "builder",
    "owner": "alice",
    "aud": "agents",
    "iat": IAT,
    "exp": EXP,
    "scope": [{"upstreams": ["files"], "effects": ["read", "write"]}, {"upstreams": ["wiki"], "actions": ["http:GET"]}],
}
READ_ONLY = {"id": bytes([0x11] * 16), "who": "reviewer", "scope": [{"effects": ["read"]}], "exp": EXP - 1800}
STAGING = {"id": bytes([0x22] * 16), "scope": [{"resources": ["files/staging/*"], "environments": ["staging"]}]}


def token(*blocks, key="2026a", make=bearer):
    raw = [b if isinstance(b, bytes) else cbor(b) for b in blocks]
    return make(raw, chain(KEYS[key], raw)[-1])


def claims(**changes):
    changed = {**CLAIMS, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def raw_map(*pairs):
    """A map of at most 23 pairs whose pieces are written as they are, in the order given."""
    return bytes([0xA0 + len(pairs)]) + b"".join(k + v for k, v in pairs)


def pairs_of(block):
    return sorted((cbor(k), cbor(v)) for k, v in block.items())


def token_vectors():
    out = []

    def add(name, text, code="ok", now=NOW, audience="agents"):
        out.append({"name": name, "token": text, "now": now, "audience": audience, "code": code})

    first, second, third = cbor(CLAIMS), cbor(READ_ONLY), cbor(STAGING)
    good = token(first, second, third)
    tails = chain(KEYS["2026a"], [first, second, third])

    # Accepted.
    add("one block", token(CLAIMS))
    add("two blocks", token(CLAIMS, READ_ONLY))
    add("three blocks", good)
    add("signed with the other key", token(claims(kid="2026b"), READ_ONLY, key="2026b"))
    add("personal token", token(claims(aud="admin", agent=None, scope=[{}])), audience="admin")
    add("sixteen blocks", token(CLAIMS, *[{"id": bytes([i] * 16)} for i in range(15)]))
    add("not before, at its first second", token(claims(nbf=NOW)))
    add("expiry, in its last second", token(CLAIMS), now=EXP - 1)
    add("max_depth used up exactly", token(claims(max_depth=1), READ_ONLY))
    add("every member of a rule", token(claims(scope=[{
        "upstreams": ["files", "wiki"], "actions": ["mcp:*", "http:GET"], "resources": ["*/a", "b*"],
        "environments": ["staging", "test"], "effects": cs1.EFFECTS}])))
    add("text outside ASCII", token(claims(scope=[{"resources": ["files/gr\u00fc\u00dfe/\u65e5\u672c/*"]}])))
    add("delegates of three", token(CLAIMS, {"who": "a"}, {"who": "b"}, {"who": "c"}))
    add("caveat with a later expiry does not extend", token(CLAIMS, {"exp": EXP + 9999}))

    # Time, audience, depth, keys.
    add("expired, first second", token(CLAIMS), "token.expired", now=EXP)
    add("expired by a caveat", token(CLAIMS, READ_ONLY), "token.expired", now=EXP - 1800)
    add("a later caveat cannot lift an expiry", token(CLAIMS, {"exp": NOW}, {"exp": EXP}), "token.expired")
    add("not yet valid", token(claims(nbf=NOW + 1)), "token.not_yet_valid")
    add("not yet valid by a caveat", token(CLAIMS, {"nbf": NOW + 1}), "token.not_yet_valid")
    add("a later caveat cannot lift not before", token(CLAIMS, {"nbf": NOW + 1}, {"nbf": 0}), "token.not_yet_valid")
    add("agent token at the admin listener", token(CLAIMS), "token.audience", audience="admin")
    add("personal token at the agents listener", token(claims(aud="admin", agent=None)), "token.audience")
    add("narrowed below max_depth 0", token(claims(max_depth=0), READ_ONLY), "token.too_deep")
    add("narrowed below a caveat's max_depth", token(CLAIMS, {"max_depth": 0}, STAGING), "token.too_deep")
    add("a later max_depth cannot lift an earlier", token(claims(max_depth=1), {"max_depth": 15}, STAGING),
        "token.too_deep")
    add("unknown key", token(claims(kid="2025z")), "token.unknown_key")
    add("named key did not sign", token(claims(kid="2026b")), "token.bad_proof")

    # Channels.
    add("delegable on the data plane", token(CLAIMS, make=delegable), "token.delegable_on_data_plane")
    add("tail as a bearer proof", "csb1_" + token(CLAIMS, make=delegable)[5:], "token.bad_proof")
    add("AWS secret as a bearer proof", "csb1_" + cs1.b64(join([first])) + "." + cs1.b64(
        mac(chain(KEYS["2026a"], [first])[0], b"cs1/sigv4")), "token.bad_proof")
    add("chain id as a bearer proof", "csb1_" + cs1.b64(join([first])) + "." + cs1.b64(
        mac(chain(KEYS["2026a"], [first])[0], b"cs1/id")), "token.bad_proof")
    add("AWS session token", aws([first], tails[0])["session_token"], "token.malformed")

    # Tampering: the parent's proof with other blocks, and other proofs with these blocks.
    add("flipped bit in block 0", bearer([first[:-1] + bytes([first[-1] ^ 1]), second], tails[1]), "token.bad_proof")
    add("changed caveat", bearer([first, cbor({**READ_ONLY, "who": "reviewes"}), third], tails[2]), "token.bad_proof")
    add("last block dropped", bearer([first, second], tails[2]), "token.bad_proof")
    add("middle block dropped", bearer([first, third], tails[2]), "token.bad_proof")
    add("first block dropped", bearer([second, third], tails[2]), "token.malformed")
    add("blocks reordered", bearer([first, third, second], tails[2]), "token.bad_proof")
    add("block repeated", bearer([first, second, third, third], tails[2]), "token.bad_proof")
    add("block added to a bearer token", bearer([first, second, third, cbor({"exp": EXP})], tails[2]),
        "token.bad_proof")
    sealed = mac(tails[0], b"cs1/bearer")
    add("bearer proof used as a tail", bearer([first, second], mac(sealed, b"cs1/block", second)), "token.bad_proof")
    other = cbor(claims(id=bytes([9] * 16)))
    add("block spliced from another token", bearer([other, second, third], tails[2]), "token.bad_proof")
    add("two blocks joined into one", bearer([first + second], tails[1]), "token.malformed")
    add("caveat signed as a first block", bearer([first, second], mac(KEYS["2026a"], b"cs1/root", second)),
        "token.bad_proof")
    add("proof of zeros", good.split(".")[0] + "." + "A" * 43, "token.bad_proof")

    # Text form.
    body, proof = good[5:].split(".")
    add("empty", "", "token.malformed")
    add("prefix only", "csb1_", "token.malformed")
    add("other prefix", "csx1_" + good[5:], "token.malformed")
    add("upper-case prefix", "CSB1_" + good[5:], "token.malformed")
    add("no proof", "csb1_" + body, "token.malformed")
    add("empty proof", "csb1_" + body + ".", "token.malformed")
    add("empty body", "csb1_." + proof, "token.malformed")
    add("second dot", good + ".AAAA", "token.malformed")
    add("proof a byte short", "csb1_" + body + "." + cs1.b64(bytes(31)), "token.malformed")
    add("proof a byte long", "csb1_" + body + "." + cs1.b64(bytes(33)), "token.malformed")
    add("padded base64", good + "=", "token.malformed")
    add("space at the end", good + " ", "token.malformed")
    add("line break in the body", "csb1_" + body[:8] + "\n" + body[8:] + "." + proof, "token.malformed")
    add("standard base64 alphabet", "csb1_" + "+/" + body[2:] + "." + proof, "token.malformed")
    last = proof[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    add("unused bits set in base64", good[:-1] + alphabet[alphabet.index(last) ^ 1], "token.malformed")

    # Framing and limits.
    def framed(body_bytes):
        return "csb1_" + cs1.b64(body_bytes) + "." + proof

    add("block of length zero", framed(join([first]) + b"\0\0"), "token.malformed")
    add("length past the end", framed(b"\xff\xff" + first), "token.malformed")
    add("one stray byte after the blocks", framed(join([first]) + b"\0"), "token.malformed")
    many = [CLAIMS] + [{"id": bytes([i] * 16)} for i in range(16)]
    add("seventeen blocks", token(*many), "token.too_large")
    wide = [{"resources": ["files/" + str(i).zfill(3) + "/" + "x" * 480 for i in range(9)]}]
    add("body over 4 KiB", token(claims(scope=wide)), "token.too_large")
    add("text over 6 KiB", "csb1_" + "A" * 6140, "token.too_large")

    # Claims and caveats, signed as they stand.
    for name in ("v", "id", "aud", "exp", "iat", "kid", "owner", "scope"):
        add("without " + name, token(claims(**{name: None})), "token.malformed")
    add("agents token without agent", token(claims(agent=None)), "token.malformed")
    add("personal token with agent", token(claims(aud="admin")), "token.malformed", audience="admin")
    add("other audience", token(claims(aud="mcp")), "token.malformed")
    add("version 2", token(claims(v=2)), "token.unsupported_version")
    add("unknown claim", token(claims(admin=True)), "token.unknown_caveat")
    add("unknown caveat", token(CLAIMS, {"ip": "10.0.0.0/8"}), "token.unknown_caveat")
    add("unknown caveat beside known ones", token(CLAIMS, {**READ_ONLY, "uses": 1}), "token.unknown_caveat")
    add("unknown condition of a rule", token(CLAIMS, {"scope": [{"effects": ["read"], "tier": [1]}]}),
        "token.unknown_caveat")
    add("a later block cannot hide an unknown caveat", token(CLAIMS, {"ip": "::1"}, {"who": "x"}),
        "token.unknown_caveat")
    add("empty caveat block", token(CLAIMS, {}), "token.malformed")
    add("empty scope", token(CLAIMS, {"scope": []}), "token.malformed")
    add("empty list of effects", token(CLAIMS, {"scope": [{"effects": []}]}), "token.malformed")
    add("unknown effect", token(CLAIMS, {"scope": [{"effects": ["change"]}]}), "token.malformed")
    add("repeated effect", token(CLAIMS, {"scope": [{"effects": ["read", "read"]}]}), "token.malformed")
    add("empty pattern", token(CLAIMS, {"scope": [{"actions": [""]}]}), "token.malformed")
    add("control character in a pattern", token(CLAIMS, {"scope": [{"actions": ["a\nb"]}]}), "token.malformed")
    add("pattern over 512 bytes", token(CLAIMS, {"scope": [{"actions": ["x" * 513]}]}), "token.malformed")
    add("33 rules", token(CLAIMS, {"scope": [{} for _ in range(33)]}), "token.malformed")
    add("65 entries", token(CLAIMS, {"scope": [{"upstreams": ["u"] * 65}]}), "token.malformed")
    add("scope that is a map", token(CLAIMS, {"scope": {"effects": ["read"]}}), "token.malformed")
    add("expiry as text", token(CLAIMS, {"exp": str(EXP)}), "token.malformed")
    add("negative expiry", token(CLAIMS, {"exp": -1}), "token.malformed")
    add("expiry of 2^64-1", token(claims(exp=2**64 - 1)), "token.malformed")
    add("expiry at issue", token(claims(exp=IAT)), "token.malformed")
    add("id of 15 bytes", token(claims(id=ID[:15])), "token.malformed")
    add("id as text", token(claims(id="0" * 16)), "token.malformed")
    add("key id with a path", token(claims(kid="../2026a")), "token.malformed")
    add("name with a space", token(CLAIMS, {"who": "the admin"}), "token.malformed")
    add("name with another alphabet", token(CLAIMS, {"who": "\u0430lice"}), "token.malformed")
    add("name of 129 bytes", token(CLAIMS, {"who": "a" * 129}), "token.malformed")
    add("empty name", token(CLAIMS, {"who": ""}), "token.malformed")
    add("max_depth 16", token(CLAIMS, {"max_depth": 16}), "token.malformed")

    # Encodings of the same caveats that are not the deterministic one.
    exp = pairs_of({"exp": EXP})[0]
    who = pairs_of({"who": "x"})[0]
    add("keys out of order", token(CLAIMS, raw_map(who, exp)), "token.malformed")
    add("repeated key", token(CLAIMS, raw_map(exp, exp)), "token.malformed")
    add("repeated key with another value", token(CLAIMS, raw_map(exp, pairs_of({"exp": EXP + 1})[0])),
        "token.malformed")
    add("long integer form", token(CLAIMS, raw_map((exp[0], b"\x1b" + EXP.to_bytes(8, "big")))), "token.malformed")
    add("long text length", token(CLAIMS, raw_map((who[0], b"\x78\x01x"))), "token.malformed")
    add("long map length", token(CLAIMS, b"\xb8\x01" + exp[0] + exp[1]), "token.malformed")
    add("indefinite map", token(CLAIMS, b"\xbf" + exp[0] + exp[1] + b"\xff"), "token.malformed")
    add("indefinite text", token(CLAIMS, raw_map((who[0], b"\x7f\x61x\xff"))), "token.malformed")
    add("float expiry", token(CLAIMS, raw_map((exp[0], b"\xfb" + bytes(8)))), "token.malformed")
    add("tagged expiry", token(CLAIMS, raw_map((exp[0], b"\xc1" + exp[1]))), "token.malformed")
    add("null expiry", token(CLAIMS, raw_map((exp[0], b"\xf6"))), "token.malformed")
    add("text that is not UTF-8", token(CLAIMS, raw_map((who[0], b"\x62\xc3\x28"))), "token.malformed")
    add("surrogate in text", token(CLAIMS, b"\xa1\x65scope\x81\xa1\x67actions\x81\x63\xed\xa0\x80"),
        "token.malformed")
    add("bytes after the map", token(CLAIMS, cbor({"exp": EXP}) + b"\0"), "token.malformed")
    add("map cut short", token(CLAIMS, cbor(READ_ONLY)[:-1]), "token.malformed")
    add("map that claims 2^32 pairs", token(CLAIMS, b"\xba\xff\xff\xff\xff"), "token.malformed")
    add("nested nine deep under an unknown key", token(CLAIMS, b"\xa1\x61x" + b"\x81" * 8 + b"\0"), "token.malformed")
    add("array as a key", token(CLAIMS, b"\xa1\x80\0"), "token.malformed")
    add("integer as a key", token(CLAIMS, b"\xa1\x01\0"), "token.malformed")
    add("not a map", token(CLAIMS, cbor([1])), "token.malformed")

    for vector in out:
        if vector["code"] == "ok":
            vector["result"] = cs1.verify(vector["token"], KEYS, vector["audience"], vector["now"])
    return out


def offline_vectors():
    out = []
    for name, blocks in (("one block", [CLAIMS]), ("narrowed", [CLAIMS, READ_ONLY]),
                         ("narrowed twice", [CLAIMS, READ_ONLY, STAGING])):
        raw = [cbor(b) for b in blocks]
        tails = chain(KEYS["2026a"], raw)
        out.append({
            "name": name,
            "blocks": [b.hex() for b in raw],
            "delegable": delegable(raw, tails[-1]),
            "bearer": bearer(raw, tails[-1]),
            "aws": aws(raw, tails[-1]),
            "ids": [chain_id(t).hex() for t in tails],
        })
    return out


def cbor_vectors():
    good = ["00", "17", "1818", "18ff", "190100", "1a00010000", "1b0000000100000000", "1bffffffffffffffff", "20", "37",
            "3818", "40", "4101", "60", "6161", "62c3bc", "64f0908080", "80", "8101", "a0", "a10000", "a26161016162f5",
            "a3000161610062626200", "f4", "f5", "8181818181818180", "a120a141ff6161"]
    bad = ["", "1800", "1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "18", "19ff", "1c", "1f", "3800", "41",
           "5f4101ff", "61", "61ff", "62c080", "63eda080", "64f4908080", "7801" + "61", "7f6161ff", "81", "8000",
           "9f01ff", "980101", "9bffffffffffffffff", "a1", "a100", "a2000000" + "00", "a201000000", "a26162006161" + "00",
           "bf0000ff", "bbffffffffffffffff", "a18000", "a1f500", "c000", "d9d9f700", "e0", "f6", "f7", "f800", "f97e00",
           "fa00000000", "fb0000000000000000", "ff", "818181818181818180", "fc"]
    return [{"hex": h, "valid": True} for h in good] + [{"hex": h, "valid": False} for h in bad]


def make():
    return {
        "about": "Vectors of docs/token.md; made by tests/auth/cs1.py --make-vectors. Times in seconds. Besides these, "
                 "every proper prefix and every change of one character of an accepted token must be refused.",
        "keys": {kid: key.hex() for kid, key in KEYS.items()},
        "tokens": token_vectors(),
        "offline": offline_vectors(),
        "cbor": cbor_vectors(),
    }


def render(vectors):
    def lines(name):
        return ",\n".join("    " + json.dumps(v, sort_keys=True) for v in vectors[name])

    sections = ",\n".join(f'  "{name}": [\n{lines(name)}\n  ]' for name in ("tokens", "offline", "cbor"))
    return (f'{{\n  "about": {json.dumps(vectors["about"])},\n  "keys": {json.dumps(vectors["keys"])},\n{sections}\n}}\n')


def outcome(text, keys, audience, now):
    try:
        return "ok", cs1.verify(text, keys, audience, now)
    except Refused as refused:
        return refused.code, None


def check(vectors):
    failures = []
    keys = {kid: bytes.fromhex(key) for kid, key in vectors["keys"].items()}
    for v in vectors["tokens"]:
        code, result = outcome(v["token"], keys, v["audience"], v["now"])
        if code != v["code"] or result != v.get("result"):
            failures.append(f'{v["name"]}: {code}, expected {v["code"]}')
    accepted = [v for v in vectors["tokens"] if v["code"] == "ok"]
    for v in accepted[:3]:
        text = v["token"]
        for i in range(len(text)):
            changed = text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :]
            for forged in (text[:i], changed):
                if outcome(forged, keys, v["audience"], v["now"])[0] == "ok":
                    failures.append(f'{v["name"]}: accepted when cut or changed at {i}')
    for v in vectors["offline"]:
        blocks = [bytes.fromhex(b) for b in v["blocks"]]
        tail = cs1.take_apart(v["delegable"])[2]
        if cs1.seal(v["delegable"]) != v["bearer"] or aws(blocks, tail) != v["aws"]:
            failures.append(v["name"] + ": derived forms differ")
        if [chain_id(t).hex() for t in chain(keys["2026a"], blocks)] != v["ids"] or chain_id(tail).hex() != v["ids"][-1]:
            failures.append(v["name"] + ": ids differ")
    for parent, child in zip(vectors["offline"], vectors["offline"][1:]):
        if cs1.narrow(parent["delegable"], cs1.decode(bytes.fromhex(child["blocks"][-1]))) != child["delegable"]:
            failures.append(child["name"] + ": narrowing differs")
    for v in vectors["cbor"]:
        raw = bytes.fromhex(v["hex"])
        try:
            valid = cbor(cs1.decode(raw)) == raw
        except Refused:
            valid = False
        if valid != v["valid"]:
            failures.append(f'cbor {v["hex"]}: {valid}')
    return failures


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in ("--make-vectors", "--check-vectors", "--check-made"):
        print(cs1.__doc__)
        return 2
    mode, path = arguments
    if mode == "--make-vectors":
        with open(path, "w", encoding="utf-8") as file:
            file.write(render(make()))
        return 0
    with open(path, encoding="utf-8") as file:
        text = file.read()
    failures = check(json.loads(text))
    if mode == "--check-made" and text != render(make()):
        failures.append("the file is not what --make-vectors writes")
    for failure in failures:
        print(failure)
    count = sum(len(json.loads(text)[name]) for name in ("tokens", "offline", "cbor"))
    print(f"{count} vectors, {len(failures)} failures")
    return 1 if failures else 0
