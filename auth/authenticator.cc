#include "auth/authenticator.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "core/bytes.h"

namespace countersign::auth {
namespace {

// "user:" and a token in base64, with room to spare.
constexpr std::size_t kMaxBasicBytes = 12U << 10;

std::unexpected<Error> refuse(ErrorKind kind, std::string_view code, std::string message) {
  return fail(kind, code, std::move(message));
}

// The token in the one Authorization field.
Result<Secret> presented(const RequestHead& head) {
  std::size_t fields = head.headers.count("Authorization");
  if (fields == 0) return refuse(ErrorKind::unauthenticated, "token.missing", "the request has no token");
  if (fields > 1) {
    return refuse(ErrorKind::malformed, "token.ambiguous", "the request has more than one Authorization field");
  }
  std::string_view value = *head.headers.get("Authorization");
  std::size_t space = value.find(' ');
  std::string_view scheme = value.substr(0, space);
  std::string_view rest = space == std::string_view::npos ? std::string_view() : value.substr(space + 1);
  if (equal_ignoring_case(scheme, "Bearer") || equal_ignoring_case(scheme, "token")) return Secret(std::string(rest));
  if (!equal_ignoring_case(scheme, "Basic") || rest.size() > kMaxBasicBytes) {
    return refuse(ErrorKind::unauthenticated, "token.malformed",
                  "the Authorization field is not Bearer, token or Basic with a token as its password");
  }
  Result<Bytes> pair = from_base64(rest);
  if (!pair) return refuse(ErrorKind::unauthenticated, "token.malformed", "the Basic credential is not base64");
  Secret decoded{ByteView(*pair)};
  OPENSSL_cleanse(pair->data(), pair->size());
  std::size_t colon = decoded.expose().find(':');
  if (colon == std::string_view::npos) {
    return refuse(ErrorKind::unauthenticated, "token.malformed", "the Basic credential has no password");
  }
  return Secret(std::string(decoded.expose().substr(colon + 1)));
}

std::vector<std::string> hex_chain(const std::vector<TokenId>& ids) {
  std::vector<std::string> out;
  out.reserve(ids.size());
  for (const TokenId& id : ids) out.push_back(to_hex(id));
  return out;
}

constexpr std::string_view kRevoked = "the token, or one it was narrowed from, has been revoked";

Status refuse_frozen() {
  return fail(ErrorKind::forbidden, "agent.frozen", "this agent has been frozen: nothing it asks for is carried out");
}

}  // namespace

Result<Caller> Authenticator::identify(const RequestHead& head, Audience audience, TimeMs now) const {
  Result<Secret> token = presented(head);
  if (!token) return fail(token.error());
  return identify_token(token->expose(), audience, now);
}

Result<Caller> Authenticator::identify_token(std::string_view text, Audience audience, TimeMs now) const {
  std::shared_ptr<const KeySet> keys = keyring_.current();
  Result<VerifiedToken> token = check_proof(text, *keys);
  if (!token) return fail(token.error());
  return admit(std::move(*token), audience, now);
}

Result<SigV4Caller> Authenticator::identify_sigv4(const RequestHead& head, const SigV4Claim& claim, TimeMs now,
                                                  std::string_view body_sha256) const {
  auto signer = verify_signer(head, claim, keyring_.current(), now, limits_, body_sha256, &signers_);
  if (!signer) return fail(signer.error());
  Result<Caller> caller = admit(*(*signer)->token, Audience::agents, now);
  if (!caller) return fail(caller.error());
  return SigV4Caller{std::move(*caller), (*signer)->key};
}

Result<ChildSession> Authenticator::narrow(const SigV4Claim& claim, Caveats caveats) const {
  return narrow_session(claim.session_token, std::move(caveats), *keyring_.current());
}

// Everything about a genuine token that may change while it exists.
Result<Caller> Authenticator::admit(VerifiedToken token, Audience audience, TimeMs now) const {
  if (Status valid = check_validity(token, audience, now); !valid) return fail(valid.error());
  if (revocations_.is_revoked(token.ids)) {
    return fail(ErrorKind::unauthenticated, "token.revoked", std::string(kRevoked));
  }
  if (token.audience == Audience::agents && is_frozen(token.agent, token.delegates)) {
    return fail(refuse_frozen().error());
  }
  Caller caller;
  caller.kind = token.audience == Audience::admin ? CallerKind::user : CallerKind::agent;
  caller.agent = std::move(token.agent);
  caller.owner = std::move(token.owner);
  caller.chain = hex_chain(token.ids);
  caller.delegates = std::move(token.delegates);
  caller.scope = std::move(token.scope);
  caller.issued = token.issued;
  caller.expires = token.expires;
  return caller;
}

Status Authenticator::may_change() const {
  if (!revocations_.healthy()) {
    return fail(ErrorKind::unavailable, "token.revocation_unavailable",
                "the list of revoked tokens cannot be read or written, so changes are refused");
  }
  if (frozen_ != nullptr && !frozen_->healthy()) {
    return fail(ErrorKind::unavailable, "agent.freeze_unavailable",
                "the list of frozen agents cannot be read or written, so changes are refused");
  }
  return {};
}

bool Authenticator::is_frozen(std::string_view agent, const std::vector<std::string>& delegates) const {
  if (frozen_ == nullptr) return false;
  return frozen_->is_frozen(agent) ||
         std::ranges::any_of(delegates, [&](const std::string& each) { return frozen_->is_frozen(each); });
}

Status Authenticator::check_stored(std::string_view agent, const std::vector<std::string>& chain,
                                   const std::vector<std::string>& delegates) const {
  if (is_frozen(agent, delegates)) return refuse_frozen();
  return check_chain(chain);
}

Status Authenticator::check_chain(const std::vector<std::string>& chain) const {
  std::vector<TokenId> ids;
  ids.reserve(chain.size());
  for (const std::string& text : chain) {
    Result<TokenId> id = token_id_from_hex(text);
    if (!id) return fail(id.error());
    ids.push_back(*id);
  }
  if (ids.empty()) return fail(ErrorKind::forbidden, "token.id_malformed", "the caller has no token");
  if (revocations_.is_revoked(ids)) return fail(ErrorKind::forbidden, "token.revoked", std::string(kRevoked));
  return {};
}

std::vector<std::string> Authenticator::presented_chain(const RequestHead& head) const {
  Result<Secret> token = presented(head);
  if (!token) return {};
  std::shared_ptr<const KeySet> keys = keyring_.current();
  Result<std::vector<TokenId>> ids = trace(token->expose(), *keys);
  if (!ids) return {};
  return hex_chain(*ids);
}

std::vector<std::string> Authenticator::presented_chain(const RequestHead& head, const SigV4Claim& claim,
                                                        std::string_view body_sha256) const {
  std::shared_ptr<const KeySet> keys = keyring_.current();
  if (Result<std::vector<TokenId>> delegable = trace(claim.session_token, *keys)) return hex_chain(*delegable);
  const SigV4Limits any_time{.skew = kMaxTime, .longest_presign = kMaxTime};
  auto signer = verify_signer(head, claim, keys, claim.signed_at, any_time, body_sha256, nullptr);
  if (!signer) return {};
  return hex_chain((*signer)->token->ids);
}

std::string challenge(const Error& error, ChallengeScheme scheme, std::string_view purpose) {
  std::string realm = "realm=\"countersign";
  if (!purpose.empty()) realm.append(" ").append(purpose);
  realm += '"';
  if (scheme == ChallengeScheme::basic) return "Basic " + realm + ", charset=\"UTF-8\"";
  std::string value = "Bearer " + realm;
  // A request without any credential is told no more than the scheme (RFC 6750 section 3.1).
  if (error.code == "token.missing") return value;
  value += error.kind == ErrorKind::malformed ? ", error=\"invalid_request\"" : ", error=\"invalid_token\"";
  value += ", error_description=\"";
  for (char c : error.code + ": " + error.message) {
    // RFC 6750 section 3: printable ASCII without quotes and backslash.
    bool allowed = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
    value += allowed ? c : '?';
  }
  return value + '"';
}

}  // namespace countersign::auth
