#include "audit/checkpoint.h"

#include <algorithm>
#include <charconv>

namespace countersign::audit {
namespace {

constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::string_view kSignatureMark = "\u2014 ";
constexpr std::size_t kMaxNoteBytes = 1U << 20;
constexpr int kMaxSignatures = 16;

std::array<std::uint8_t, 4> key_id(std::string_view name, const PublicKey& key) {
  Sha256 hash;
  hash.update(name);
  hash.update(std::string_view("\n\x01", 2));
  hash.update(ByteView(key));
  Digest digest = hash.finish();
  return {digest[0], digest[1], digest[2], digest[3]};
}

// One line off the front of `text`, or nothing when there is no whole line.
bool take_line(std::string_view& text, std::string_view& line) {
  std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

Result<VerifierKey> VerifierKey::make(std::string_view name, const PublicKey& key) {
  bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
  if (name.empty() || name.size() > 255 || !printable) {
    return fail(ErrorKind::invalid, "audit.origin",
                "an origin is 1 to 255 printable ASCII characters without space and '+'");
  }
  return VerifierKey{std::string(name), key_id(name, key), key};
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  auto bad = [] { return fail(ErrorKind::malformed, "audit.vkey", "not a verifier key like name+0a1b2c3d+AbCd…"); };
  std::size_t first = text.find('+');
  if (first == std::string_view::npos) return bad();
  std::size_t second = text.find('+', first + 1);
  if (second == std::string_view::npos) return bad();
  auto bytes = from_base64(text.substr(second + 1));
  PublicKey key{};
  if (!bytes || bytes->size() != key.size() + 1 || bytes->front() != kEd25519) return bad();
  std::copy(bytes->begin() + 1, bytes->end(), key.begin());
  auto made = make(text.substr(0, first), key);
  if (!made || made->text() != text) return bad();
  return made;
}

std::string VerifierKey::text() const {
  Bytes tagged{kEd25519};
  tagged.insert(tagged.end(), key.begin(), key.end());
  return name + '+' + to_hex(ByteView(id)) + '+' + to_base64(tagged);
}

std::string sign_note(std::string_view text, const VerifierKey& name, const SigningKey& key) {
  Signature signature = key.sign(text);
  Bytes tagged(name.id.begin(), name.id.end());
  tagged.insert(tagged.end(), signature.begin(), signature.end());
  std::string note(text);
  note.append("\n").append(kSignatureMark).append(name.name).append(" ").append(to_base64(tagged)).append("\n");
  return note;
}

Result<std::string_view> open_note(std::string_view note, const VerifierKey& key) {
  auto bad = [] { return fail(ErrorKind::malformed, "audit.note_malformed", "not a signed note"); };
  if (note.size() > kMaxNoteBytes) return bad();
  std::size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return bad();
  std::string_view text = note.substr(0, split + 1);
  std::string_view rest = note.substr(split + 2);
  if (rest.empty()) return bad();
  bool good = false;
  for (int count = 0; !rest.empty(); ++count) {
    std::string_view line;
    if (count == kMaxSignatures || !take_line(rest, line) || !line.starts_with(kSignatureMark)) return bad();
    line.remove_prefix(kSignatureMark.size());
    std::size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0) return bad();
    auto bytes = from_base64(line.substr(space + 1));
    if (!bytes || bytes->size() < key.id.size() + 1) return bad();
    ByteView view(*bytes);
    if (line.substr(0, space) != key.name || !std::ranges::equal(view.first(key.id.size()), key.id)) continue;
    if (!verify_ed25519(key.key, text, view.subspan(key.id.size()))) {
      return fail(ErrorKind::forbidden, "audit.signature", "the signature is wrong");
    }
    good = true;
  }
  if (!good) return fail(ErrorKind::forbidden, "audit.signature", "not signed by the key of this log");
  return text;
}

std::string Checkpoint::text() const {
  return origin + '\n' + std::to_string(size) + '\n' + to_base64(ByteView(root)) + '\n';
}

Result<SignedCheckpoint> open_checkpoint(std::string_view note, const VerifierKey& key) {
  auto text = open_note(note, key);
  if (!text) return fail(text.error());
  auto bad = [] {
    return fail(ErrorKind::malformed, "audit.checkpoint_malformed", "the signed text is not a checkpoint of this log");
  };
  std::string_view rest = *text;
  std::string_view origin;
  std::string_view size;
  std::string_view root;
  if (!take_line(rest, origin) || !take_line(rest, size) || !take_line(rest, root) || origin != key.name) return bad();
  SignedCheckpoint result{{std::string(origin), 0, {}}, std::string(note)};
  auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), result.checkpoint.size);
  auto bytes = from_base64(root);
  if (error != std::errc() || end != size.data() + size.size() || !bytes ||
      bytes->size() != result.checkpoint.root.size())
    return bad();
  std::ranges::copy(*bytes, result.checkpoint.root.begin());
  // One spelling only: no leading zeros, no extension lines (the specification discourages them and we never write
  // any).
  if (result.checkpoint.text() != *text) return bad();
  return result;
}

}  // namespace countersign::audit
