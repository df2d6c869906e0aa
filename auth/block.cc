#include "auth/block.h"

#include <algorithm>

#include "auth/cbor.h"

namespace countersign::auth {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kMaxDepthClaim = 15;
constexpr TimeMs kSecond = 1000;

std::uint64_t seconds_down(TimeMs time) {
  return static_cast<std::uint64_t>(std::max<TimeMs>(time, 0) / kSecond);
}
std::uint64_t seconds_up(TimeMs time) {
  return seconds_down(time) + static_cast<std::uint64_t>(time > 0 && time % kSecond != 0);
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::unauthenticated, "token.malformed", "the token has a malformed block: " + std::string(what));
}
std::unexpected<Error> unknown_caveat() {
  return fail(ErrorKind::unauthenticated, "token.unknown_caveat", "the token has a caveat this server does not know");
}

// --- writing -----------------------------------------------------------------------------------------------------

void write_list(CborWriter& out, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out.text(key).array(values.size());
  for (const std::string& value : values) out.text(value);
}

void write_rule(CborWriter& out, const ScopeRule& rule) {
  out.map(static_cast<std::size_t>(!rule.actions.empty()) + static_cast<std::size_t>(!rule.effects.empty()) +
          static_cast<std::size_t>(!rule.resources.empty()) + static_cast<std::size_t>(!rule.upstreams.empty()) +
          static_cast<std::size_t>(!rule.environments.empty()));
  write_list(out, "actions", rule.actions);
  write_list(out, "effects", rule.effects.names());
  write_list(out, "resources", rule.resources);
  write_list(out, "upstreams", rule.upstreams);
  write_list(out, "environments", rule.environments);
}

void write_scope(CborWriter& out, const std::vector<ScopeRule>& rules) {
  out.text("scope").array(rules.size());
  for (const ScopeRule& rule : rules) write_rule(out, rule);
}

// --- reading -----------------------------------------------------------------------------------------------------

// What went wrong beyond the CBOR itself. The first of each kind is kept; decoding runs on to find CBOR faults too.
struct Decoder {
  explicit Decoder(ByteView block) : in(block) {}

  CborReader in;
  const char* bad = nullptr;  // which value breaks its rule
  bool unknown = false;       // a key outside the table

  void require(bool good, const char* what) {
    if (!good && !bad) bad = what;
  }
  void unknown_key() {
    unknown = true;
    in.skip();
  }

  TimeMs time() {
    std::uint64_t seconds = in.uint();
    require(seconds <= static_cast<std::uint64_t>(kMaxTime / kSecond), "a time after the year 9999");
    return bad ? 0 : static_cast<TimeMs>(seconds) * kSecond;
  }
  TokenId id() {
    ByteView bytes = in.bytes();
    TokenId id{};
    require(bytes.size() == id.size(), "an id that is not 16 bytes");
    if (bytes.size() == id.size()) std::ranges::copy(bytes, id.begin());
    return id;
  }
  std::string name() {
    std::string_view text = in.text();
    require(is_name(text), "a name with characters names may not have");
    return std::string(text);
  }
  std::uint64_t depth() {
    std::uint64_t value = in.uint();
    require(value <= kMaxDepthClaim, "max_depth above 15");
    return value;
  }

  std::vector<std::string> list() {
    std::size_t count = in.array();
    require(count > 0 && count <= kMaxListEntries, "a list that is empty or too long");
    std::vector<std::string> values;
    values.reserve(std::min(count, kMaxListEntries));
    for (; count > 0 && in.fault() == CborFault::none; --count) {
      std::string_view text = in.text();
      require(is_pattern(text), "a pattern that is empty, too long or has control characters");
      if (!bad) values.emplace_back(text);
    }
    return values;
  }

  EffectSet effects() {
    std::size_t count = in.array();
    require(count > 0 && count <= kEffectCount, "a list of effects that is empty or too long");
    EffectSet effects;
    for (; count > 0 && in.fault() == CborFault::none; --count) {
      std::optional<Effect> effect = effect_from_name(in.text());
      require(effect && !effects.contains(*effect), "an effect that is unknown or repeated");
      if (effect) effects.add(*effect);
    }
    return effects;
  }

  ScopeRule rule() {
    ScopeRule rule;
    for (std::size_t pairs = in.map(); pairs > 0 && in.fault() == CborFault::none; --pairs) {
      std::string_view key = in.text();
      if (key == "actions") {
        rule.actions = list();
      } else if (key == "effects") {
        rule.effects = effects();
      } else if (key == "resources") {
        rule.resources = list();
      } else if (key == "upstreams") {
        rule.upstreams = list();
      } else if (key == "environments") {
        rule.environments = list();
      } else {
        unknown_key();
      }
    }
    return rule;
  }

  std::vector<ScopeRule> scope() {
    std::size_t count = in.array();
    require(count > 0 && count <= kMaxRules, "a scope that is empty or has too many rules");
    std::vector<ScopeRule> rules;
    rules.reserve(std::min(count, kMaxRules));
    for (; count > 0 && in.fault() == CborFault::none; --count) {
      ScopeRule one = rule();
      if (!bad) rules.push_back(std::move(one));
    }
    return rules;
  }

  Status finish() {
    in.finish();
    if (in.fault() != CborFault::none) return malformed(cbor_fault_text(in.fault()));
    if (unknown) return unknown_caveat();
    if (bad) return malformed(bad);
    return {};
  }
};

}  // namespace

TokenId random_token_id() {
  TokenId id{};
  std::ranges::copy(random_bytes(id.size()), id.begin());
  return id;
}

Result<TokenId> token_id_from_hex(std::string_view text) {
  TokenId id{};
  Result<Bytes> bytes = from_hex(text);
  if (!bytes || bytes->size() != id.size()) {
    return fail(ErrorKind::invalid, "token.id_malformed", "a token id is 32 hexadecimal digits");
  }
  std::ranges::copy(*bytes, id.begin());
  return id;
}

std::string_view audience_name(Audience audience) {
  return audience == Audience::agents ? "agents" : "admin";
}

bool is_name(std::string_view text) {
  auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  constexpr std::string_view kMarks = "._@:/+-";
  return !text.empty() && text.size() <= kMaxNameBytes && alphanumeric(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || kMarks.contains(c); });
}

bool is_pattern(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPatternBytes &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_key_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxKeyIdBytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

Bytes encode_block(const Claims& claims) {
  CborWriter out;
  bool agent = !claims.agent.empty();
  out.map(8U + static_cast<std::size_t>(agent) + static_cast<std::size_t>(claims.not_before.has_value()) +
          static_cast<std::size_t>(claims.max_depth.has_value()));
  out.text("v").uint(kVersion);
  out.text("id").bytes(claims.id);
  out.text("aud").text(audience_name(claims.audience));
  out.text("exp").uint(seconds_down(claims.expires));
  out.text("iat").uint(seconds_down(claims.issued));
  out.text("kid").text(claims.kid);
  if (claims.not_before) out.text("nbf").uint(seconds_up(*claims.not_before));
  if (agent) out.text("agent").text(claims.agent);
  out.text("owner").text(claims.owner);
  write_scope(out, claims.scope);
  if (claims.max_depth) out.text("max_depth").uint(*claims.max_depth);
  return out.written();
}

Bytes encode_block(const Caveats& caveats) {
  CborWriter out;
  out.map(static_cast<std::size_t>(caveats.id.has_value()) + static_cast<std::size_t>(caveats.expires.has_value()) +
          static_cast<std::size_t>(caveats.not_before.has_value()) + static_cast<std::size_t>(!caveats.who.empty()) +
          static_cast<std::size_t>(!caveats.scope.empty()) + static_cast<std::size_t>(caveats.max_depth.has_value()));
  if (caveats.id) out.text("id").bytes(*caveats.id);
  if (caveats.expires) out.text("exp").uint(seconds_down(*caveats.expires));
  if (caveats.not_before) out.text("nbf").uint(seconds_up(*caveats.not_before));
  if (!caveats.who.empty()) out.text("who").text(caveats.who);
  if (!caveats.scope.empty()) write_scope(out, caveats.scope);
  if (caveats.max_depth) out.text("max_depth").uint(*caveats.max_depth);
  return out.written();
}

Result<Claims> decode_claims(ByteView block) {
  Decoder in(block);
  Claims claims;
  bool has_version = false;
  bool has_id = false;
  bool has_audience = false;
  bool has_issued = false;
  for (std::size_t pairs = in.in.map(); pairs > 0 && in.in.fault() == CborFault::none; --pairs) {
    std::string_view key = in.in.text();
    if (key == "v") {
      has_version = true;
      // Another version may mean anything by the other keys, so it is not read as this one.
      if (in.in.uint() != kVersion && in.in.fault() == CborFault::none) {
        return fail(ErrorKind::unauthenticated, "token.unsupported_version", "the token is of an unknown version");
      }
    } else if (key == "id") {
      has_id = true;
      claims.id = in.id();
    } else if (key == "aud") {
      has_audience = true;
      std::string_view audience = in.in.text();
      in.require(audience == "agents" || audience == "admin", "an unknown audience");
      claims.audience = audience == "admin" ? Audience::admin : Audience::agents;
    } else if (key == "exp") {
      claims.expires = in.time();
    } else if (key == "iat") {
      has_issued = true;
      claims.issued = in.time();
    } else if (key == "kid") {
      claims.kid = in.in.text();
      in.require(is_key_id(claims.kid), "a malformed key id");
    } else if (key == "nbf") {
      claims.not_before = in.time();
    } else if (key == "agent") {
      claims.agent = in.name();
    } else if (key == "owner") {
      claims.owner = in.name();
    } else if (key == "scope") {
      claims.scope = in.scope();
    } else if (key == "max_depth") {
      claims.max_depth = in.depth();
    } else {
      in.unknown_key();
    }
  }
  if (!has_version) return malformed("it has no version");
  if (Status status = in.finish(); !status) return fail(status.error());
  if (!has_id || !has_audience || !has_issued || claims.kid.empty() || claims.owner.empty() || claims.scope.empty()) {
    return malformed("a required key is missing");
  }
  if (claims.expires <= claims.issued) return malformed("exp is not after iat");
  if (claims.agent.empty() != (claims.audience == Audience::admin)) {
    return malformed("agent must be present for the audience agents, and only for it");
  }
  return claims;
}

Result<Caveats> decode_caveats(ByteView block) {
  Decoder in(block);
  Caveats caveats;
  std::size_t pairs = in.in.map();
  in.require(pairs > 0, "a block without caveats");
  for (; pairs > 0 && in.in.fault() == CborFault::none; --pairs) {
    std::string_view key = in.in.text();
    if (key == "id") {
      caveats.id = in.id();
    } else if (key == "exp") {
      caveats.expires = in.time();
    } else if (key == "nbf") {
      caveats.not_before = in.time();
    } else if (key == "who") {
      caveats.who = in.name();
    } else if (key == "scope") {
      caveats.scope = in.scope();
    } else if (key == "max_depth") {
      caveats.max_depth = in.depth();
    } else {
      in.unknown_key();
    }
  }
  if (Status status = in.finish(); !status) return fail(status.error());
  return caveats;
}

ScopeBlock scope_block(const Claims& claims) {
  return {claims.scope, claims.not_before, claims.expires};
}

ScopeBlock scope_block(const Caveats& caveats) {
  // A block that only sets times or names a holder still has one rule, the one that admits everything: the times hold.
  if (caveats.scope.empty()) return {{ScopeRule{}}, caveats.not_before, caveats.expires};
  return {caveats.scope, caveats.not_before, caveats.expires};
}

}  // namespace countersign::auth
