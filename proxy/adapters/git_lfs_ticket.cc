#include "proxy/adapters/git_lfs_ticket.h"

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/sha256.h"

namespace countersign::adapters {

std::string LfsTickets::seal(const LfsTicket& ticket) const {
  std::string text;
  JsonWriter(text)
      .begin_object()
      .member("approved", ticket.standing == LfsStanding::approved)
      .member("expires", ticket.expires)
      .member("method", ticket.method)
      .member("oid", ticket.object.oid)
      .member("path", ticket.path)
      .member("ref", ticket.ref)
      .member("repository", ticket.repository)
      .member("size", ticket.object.size)
      .end_object();
  const Digest seal = hmac_sha256(key_.expose_bytes(), {as_bytes(text)});
  return to_base64url(as_bytes(text)) + "." + to_base64url(seal);
}

Result<LfsTicket> LfsTickets::open(std::string_view text, TimeMs now) const {
  auto refuse = [](std::string why) { return fail(ErrorKind::not_found, "git.lfs_ticket", std::move(why)); };
  constexpr std::string_view kForeign = "this address of an LFS file was not made here; ask for a new one";
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return refuse(std::string(kForeign));
  Result<Bytes> sealed = from_base64url(text.substr(0, dot));
  Result<Bytes> seal = from_base64url(text.substr(dot + 1));
  if (!sealed || !seal) return refuse(std::string(kForeign));
  const Digest expected = hmac_sha256(key_.expose_bytes(), {*sealed});
  if (!equal_constant_time(*seal, expected)) return refuse(std::string(kForeign));

  Result<JsonDocument> document = JsonDocument::parse(as_text(*sealed));
  if (!document) return fail(document.error());
  JsonValue root = document->root();
  auto member = [&](std::string_view name) { return std::string(root.member(name).string().value_or("")); };
  LfsTicket ticket{member("method"), member("path"), member("repository")};
  ticket.object = {member("oid"), root.member("size").integer().value_or(0)};
  ticket.ref = member("ref");
  ticket.expires = root.member("expires").integer().value_or(0);
  if (root.member("approved").boolean().value_or(false)) ticket.standing = LfsStanding::approved;
  if (now >= ticket.expires) return refuse("this address of an LFS file has expired; ask for a new one");
  return ticket;
}

}  // namespace countersign::adapters
