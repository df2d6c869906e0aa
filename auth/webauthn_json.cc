// How assertions and signed texts are written as JSON.
#include <array>
#include <string>

#include "auth/webauthn.h"

namespace countersign::auth {
namespace {

struct Member {
  std::string_view name;
  std::string Assertion::* text;
};
constexpr std::array kMembers = {
    Member{"authenticator_data", &Assertion::authenticator_data},
    Member{"client_data", &Assertion::client_data},
    Member{"credential", &Assertion::credential},
    Member{"signature", &Assertion::signature},
};

// The texts of `value`, which must have `members` members.
Result<Assertion> read_members(const Json& value, std::size_t members) {
  auto bad = [](std::string what) {
    return fail(ErrorKind::invalid, "webauthn.assertion", "a signature " + std::move(what));
  };
  if (!value.is_object()) return bad("is not a JSON object");
  Assertion assertion;
  for (const Member& member : kMembers) {
    const Json* found = find_member(value, member.name);
    if (!found || !found->is_string() || found->get_ref<const std::string&>().empty())
      return bad("needs `" + std::string(member.name) + "`");
    assertion.*member.text = found->get<std::string>();
  }
  if (value.size() != members) return bad("has a member that does not belong in it");
  return assertion;
}

}  // namespace

Result<Assertion> assertion_from_json(const Json& value) {
  return read_members(value, kMembers.size());
}

Result<SignedText> signed_text_from_json(const Json& value) {
  const Json* statement = find_member(value, "statement");
  if (!statement || !statement->is_string())
    return fail(ErrorKind::invalid, "webauthn.assertion", "a signature needs `statement`");
  auto assertion = read_members(value, kMembers.size() + 1);
  if (!assertion) return fail(assertion.error());
  return SignedText{.statement = statement->get<std::string>(), .assertion = std::move(*assertion)};
}

std::string signed_text_json(const SignedText& text) {
  Json out = {{"statement", text.statement}};
  for (const Member& member : kMembers) out[std::string(member.name)] = text.assertion.*member.text;
  auto canonical = canonical_json(out);
  return canonical ? std::move(*canonical) : std::string();
}

}  // namespace countersign::auth
