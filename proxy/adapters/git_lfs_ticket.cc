#include "proxy/adapters/git_lfs_ticket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "core/sha256.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kKeyBytes = 32;

std::unexpected<Error> key_error(const std::filesystem::path& file, const char* why) {
  return fail(ErrorKind::unavailable, "git.lfs_key", "the key " + file.string() + " " + why);
}

// Whole or not at all, and of several that make it at once the first: the others read that one.
Status make_key(const std::filesystem::path& file) {
  std::filesystem::path draft = file;
  draft += "." + to_hex(random_bytes(8)) + ".new";
  const int opened = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (opened < 0) return key_error(file, std::strerror(errno));
  const Secret key{ByteView(random_bytes(kKeyBytes))};
  const bool written =
      ::write(opened, key.expose().data(), kKeyBytes) == static_cast<ssize_t>(kKeyBytes) && ::fsync(opened) == 0;
  ::close(opened);
  const bool kept = written && (::link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int trouble = errno;
  ::unlink(draft.c_str());
  return kept ? Status() : key_error(file, std::strerror(trouble));
}

}  // namespace

Result<LfsTickets> LfsTickets::open_with_key(const std::filesystem::path& file, std::string_view upstream) {
  int opened = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0 && errno == ENOENT) {
    Status made = make_key(file);
    if (!made) return fail(made.error());
    opened = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (opened < 0) return key_error(file, std::strerror(errno));
  struct stat info{};
  std::array<std::uint8_t, kKeyBytes + 1> bytes{};
  const bool known = ::fstat(opened, &info) == 0;
  const ssize_t got = ::read(opened, bytes.data(), bytes.size());
  ::close(opened);
  if (!known || got != static_cast<ssize_t>(kKeyBytes)) return key_error(file, "is not 32 bytes long");
  if ((info.st_mode & 077) != 0) return key_error(file, "can be read by others than its owner");
  // One for each upstream, so that a ticket of one is nothing to another.
  const Digest own = hmac_sha256(ByteView(bytes).first(kKeyBytes), {as_bytes("lfs "), as_bytes(upstream)});
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return LfsTickets(Secret(ByteView(own)));
}

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
