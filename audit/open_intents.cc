#include "audit/open_intents.h"

#include <algorithm>

#include "core/json.h"
#include "core/json_writer.h"

namespace countersign::audit {
namespace {

// Its first line keeps this note from ever being read as a checkpoint: an origin has no space.
constexpr std::string_view kTitle = "countersign audit open-intents 1\n";

std::string header(const VerifierKey& key) {
  return std::string(kTitle) + key.name + '\n';
}

}  // namespace

std::string write_position(const Position& position, const VerifierKey& name, const SigningKey& key) {
  std::string text = header(name);
  JsonWriter w(text);
  auto number = [&](std::string_view member, std::uint64_t value) {
    w.member(member, static_cast<std::int64_t>(value));
  };
  w.begin_object();
  w.member("last_time", position.last_time);
  w.key("nodes").begin_array();
  for (const Digest& node : position.tree.nodes()) w.value(to_hex(node));
  w.end_array();
  number("offset", position.offset);
  w.key("open").begin_object();
  for (const auto& [operation, seq] : position.open) number(operation, seq);
  w.end_object();
  number("segment", position.segment);
  number("size", position.tree.size());
  w.end_object();
  text += '\n';
  return sign_note(text, name, key);
}

Result<Position> read_position(std::string_view note, const VerifierKey& key) {
  auto bad = [] { return fail(ErrorKind::malformed, "audit.position", "not a list of open intents"); };
  auto text = open_note(note, key);
  if (!text) return fail(text.error());
  std::string title = header(key);
  if (!text->starts_with(title)) return bad();
  auto json = parse_json(text->substr(title.size()));
  if (!json) return bad();
  Position position;
  std::int64_t size = integer_or(*json, "size", -1);
  std::int64_t offset = integer_or(*json, "offset", -1);
  std::int64_t segment = integer_or(*json, "segment", -1);
  const Json* nodes = find_member(*json, "nodes");
  const Json* open = find_member(*json, "open");
  if (size < 0 || offset < 0 || segment < 0 || !nodes || !nodes->is_array() || !open || !open->is_object())
    return bad();
  std::vector<Digest> hashes;
  for (const Json& node : *nodes) {
    auto bytes = from_hex(node.is_string() ? node.get<std::string>() : std::string());
    if (!bytes || bytes->size() != sizeof(Digest)) return bad();
    std::ranges::copy(*bytes, hashes.emplace_back().begin());
  }
  auto tree = CompactRange::restore(static_cast<std::uint64_t>(size), std::move(hashes));
  if (!tree) return bad();
  position.tree = std::move(*tree);
  position.last_time = integer_or(*json, "last_time", 0);
  position.segment = static_cast<std::uint64_t>(segment);
  position.offset = static_cast<std::uint64_t>(offset);
  for (auto it = open->begin(); it != open->end(); ++it) {
    if (!it->is_number_integer() || it->get<std::int64_t>() < 0) return bad();
    position.open.emplace(it.key(), static_cast<std::uint64_t>(it->get<std::int64_t>()));
  }
  return position;
}

}  // namespace countersign::audit
