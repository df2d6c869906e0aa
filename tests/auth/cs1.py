#!/usr/bin/env python3
"""A second, independent implementation of cs1 tokens, written from docs/token.md with the Python standard library only.

  cs1.py --make-vectors FILE    writes the vectors (the output is the same every time)
  cs1.py --check-vectors FILE   checks every vector; exit 1 if one differs
  cs1.py --check-made FILE      the same, and that FILE is what --make-vectors writes
"""
import base64
import hashlib
import hmac
import re
import sys

MAX_WIRE, MAX_BODY, MAX_BLOCKS = 6144, 4096, 16
MAX_RULES, MAX_ENTRIES, MAX_PATTERN, MAX_DEPTH_CLAIM = 32, 64, 512, 15
MAX_SECONDS = 253402300799
EFFECTS = ["read", "write", "execute", "mint", "administer", "destroy"]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/+-]{0,127}\Z")
KID = re.compile(r"[a-z0-9_-]{1,32}\Z")


class Refused(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


# --- CBOR, deterministic subset --------------------------------------------------------------------------------------


def cbor(value):
    """Encodes int, bool, bytes, str, list and dict."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(cbor(v) for v in value)
    pairs = sorted((cbor(k), cbor(v)) for k, v in value.items())
    return _head(5, len(pairs)) + b"".join(k + v for k, v in pairs)


def _head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | info]) + argument.to_bytes(width, "big")
    raise ValueError("too large")


def decode(data):
    budget = [2048]
    value, at = _item(data, 0, 0, budget, False)
    if at != len(data):
        raise Refused("token.malformed")
    return value


def _item(data, at, depth, budget, key):
    bad = Refused("token.malformed")
    budget[0] -= 1
    if budget[0] < 0 or at >= len(data):
        raise bad
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if info not in (20, 21) or key:
            raise bad
        return info == 21, at
    if major == 6 or info > 27 or (key and major > 3):
        raise bad
    argument = info
    if info >= 24:
        width = 1 << (info - 24)
        if len(data) - at < width:
            raise bad
        argument = int.from_bytes(data[at : at + width], "big")
        at += width
        if argument < (24 if width == 1 else 1 << (8 * width // 2)):
            raise bad
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major in (2, 3):
        raw = data[at : at + argument]
        if len(raw) != argument:
            raise bad
        if major == 2:
            return raw, at + argument
        try:
            return raw.decode("utf-8", "strict"), at + argument
        except UnicodeDecodeError:
            raise bad from None
    if depth == 8 or argument * (1 if major == 4 else 2) > len(data) - at:
        raise bad
    if major == 4:
        items = []
        for _ in range(argument):
            value, at = _item(data, at, depth + 1, budget, False)
            items.append(value)
        return items, at
    result, previous = {}, b""
    for _ in range(argument):
        start = at
        name, at = _item(data, at, depth + 1, budget, True)
        if data[start:at] <= previous:
            raise bad
        previous = data[start:at]
        result[name], at = _item(data, at, depth + 1, budget, False)
    return result, at


# --- blocks ----------------------------------------------------------------------------------------------------------


def _need(good):
    if not good:
        raise Refused("token.malformed")


def _known(block, names):
    _need(isinstance(block, dict) and all(isinstance(key, str) for key in block))
    if not set(block) <= set(names):
        raise Refused("token.unknown_caveat")


def _is_uint(value, limit):
    return type(value) is int and 0 <= value <= limit


def _is_pattern(value):
    return (
        isinstance(value, str)
        and 1 <= len(value.encode()) <= MAX_PATTERN
        and not any(ord(c) < 0x20 or ord(c) == 0x7F for c in value)
    )


def _check_scope(rules):
    _need(isinstance(rules, list) and 1 <= len(rules) <= MAX_RULES)
    for rule in rules:
        _known(rule, ["actions", "effects", "resources", "upstreams", "environments"])
        for name, entries in rule.items():
            _need(isinstance(entries, list) and 1 <= len(entries) <= MAX_ENTRIES)
            if name == "effects":
                _need(all(isinstance(e, str) and e in EFFECTS for e in entries) and len(set(entries)) == len(entries))
            else:
                _need(all(_is_pattern(e) for e in entries))


def _check_common(block):
    if "id" in block:
        _need(isinstance(block["id"], bytes) and len(block["id"]) == 16)
    for name in ("iat", "exp", "nbf"):
        if name in block:
            _need(_is_uint(block[name], MAX_SECONDS))
    for name in ("agent", "owner", "who"):
        if name in block:
            _need(isinstance(block[name], str) and NAME.match(block[name]))
    if "max_depth" in block:
        _need(_is_uint(block["max_depth"], MAX_DEPTH_CLAIM))
    if "scope" in block:
        _check_scope(block["scope"])


def decode_claims(raw):
    block = decode(raw)
    _need(isinstance(block, dict) and _is_uint(block.get("v"), 2**64))
    if block["v"] != 1:
        raise Refused("token.unsupported_version")
    _known(block, ["v", "id", "aud", "exp", "iat", "kid", "nbf", "agent", "owner", "scope", "max_depth"])
    _need({"id", "aud", "exp", "iat", "kid", "owner", "scope"} <= set(block))
    _check_common(block)
    _need(isinstance(block["kid"], str) and KID.match(block["kid"]))
    _need(block["aud"] in ("agents", "admin") and ("agent" in block) == (block["aud"] == "agents"))
    _need(block["exp"] > block["iat"])
    return block


def decode_caveats(raw):
    block = decode(raw)
    _known(block, ["id", "exp", "nbf", "who", "scope", "max_depth"])
    _need(block)
    _check_common(block)
    return block


# --- chain -----------------------------------------------------------------------------------------------------------


def mac(key, label, data=b""):
    return hmac.new(key, label + data, hashlib.sha256).digest()


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    _need(re.fullmatch(r"[A-Za-z0-9_-]*", text) and len(text) % 4 != 1)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    _need(b64(raw) == text)
    return raw


def join(blocks):
    return b"".join(len(b).to_bytes(2, "big") + b for b in blocks)


def chain(key, blocks):
    tails = [mac(key, b"cs1/root", blocks[0])]
    for block in blocks[1:]:
        tails.append(mac(tails[-1], b"cs1/block", block))
    return tails


def chain_id(tail):
    return mac(tail, b"cs1/id")[:16]


def delegable(blocks, tail):
    return "csd1_" + b64(join(blocks)) + "." + b64(tail)


def bearer(blocks, tail):
    return "csb1_" + b64(join(blocks)) + "." + b64(mac(tail, b"cs1/bearer"))


def aws(blocks, tail):
    body = join(blocks)
    key_id = "CSK" + base64.b32encode(hashlib.sha256(body).digest()).decode()[:17]
    return {"key_id": key_id, "secret": b64(mac(tail, b"cs1/sigv4")), "session_token": "cs1_" + b64(body)}


def split(body):
    if len(body) > MAX_BODY:
        raise Refused("token.too_large")
    blocks = []
    while body:
        _need(len(body) >= 2)
        length = int.from_bytes(body[:2], "big")
        _need(1 <= length <= len(body) - 2)
        if len(blocks) == MAX_BLOCKS:
            raise Refused("token.too_large")
        blocks.append(body[2 : 2 + length])
        body = body[2 + length :]
    _need(blocks)
    return blocks


def take_apart(text):
    if len(text) > MAX_WIRE:
        raise Refused("token.too_large")
    _need(text[:5] in ("csd1_", "csb1_") and text.count(".") == 1)
    body, proof = text[5:].split(".")
    body, proof = unb64(body), unb64(proof)
    _need(len(proof) == 32)
    return text[:5], split(body), proof


def verify(text, keys, audience, now):
    """`now` in seconds. Returns what a caller may rely on, or raises Refused."""
    if text.startswith("csd1_"):
        raise Refused("token.delegable_on_data_plane")
    _, blocks, proof = take_apart(text)
    claims = decode_claims(blocks[0])
    if claims["kid"] not in keys:
        raise Refused("token.unknown_key")
    tails = chain(keys[claims["kid"]], blocks)
    if not hmac.compare_digest(mac(tails[-1], b"cs1/bearer"), proof):
        raise Refused("token.bad_proof")
    rest = [decode_caveats(raw) for raw in blocks[1:]]
    every = [claims] + rest
    for i, block in enumerate(every):
        if "max_depth" in block and len(every) - 1 - i > block["max_depth"]:
            raise Refused("token.too_deep")
    if claims["aud"] != audience:
        raise Refused("token.audience")
    expires = min(b["exp"] for b in every if "exp" in b)
    starts = max([b["nbf"] for b in every if "nbf" in b], default=0)
    if now >= expires:
        raise Refused("token.expired")
    if now < starts:
        raise Refused("token.not_yet_valid")
    return {
        "agent": claims.get("agent", ""),
        "owner": claims["owner"],
        "delegates": [b["who"] for b in rest if "who" in b],
        "ids": [chain_id(t).hex() for t in tails],
        "issued": claims["iat"],
        "not_before": starts,
        "expires": expires,
        "scope": [b.get("scope", [{}]) for b in every],
    }


def narrow(text, caveats):
    form, blocks, tail = take_apart(text)
    _need(form == "csd1_")
    return delegable(blocks + [cbor(caveats)], mac(tail, b"cs1/block", cbor(caveats)))


def seal(text):
    form, blocks, tail = take_apart(text)
    _need(form == "csd1_")
    return bearer(blocks, tail)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    import cs1_vectors

    sys.exit(cs1_vectors.main(sys.argv[1:]))
