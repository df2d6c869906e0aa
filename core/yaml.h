// The YAML door: files that people write (countersign.yaml, entities.yaml, approvals.yaml) as a tree with positions.
//
// A careful subset of YAML 1.2, since these files decide who may do what: one document; no anchors and aliases (and so
// no expansion bombs), no tags, no merge keys, no duplicate keys, keys are plain words. Reading collects every problem
// instead of stopping at the first. Values, no shared state: any thread.
//
//   Problems problems;
//   if (auto root = yaml::parse(name, text, problems)) {
//     yaml::Map map(name, *root, "the file", problems);
//     map.string("store", config.store);
//     map.finish();  // what was not asked for is an unknown key
//   }
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/problem.h"

namespace countersign::yaml {

struct Limits {
  std::size_t bytes = 1U << 20;
  std::size_t depth = 32;
  std::size_t nodes = 100'000;
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  bool quoted = false;  // a scalar in quotes (or a block scalar): never a number or a truth value
  int line = 0;         // both from 1
  int column = 0;
  std::string text;             // scalar
  std::vector<Node> items;      // list
  std::vector<Member> members;  // map, in the order of the file; keys are unique

  // The value of a key, or nullptr when there is none or this is not a map.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Member {
  std::string key;
  int line = 0;
  int column = 0;
  Node value;
};

// nullopt when the text is not usable at all; the reasons are in `problems`. `file` is only for messages. An empty
// document is a node of kind null.
[[nodiscard]] std::optional<Node> parse(std::string_view file, std::string_view text, Problems& problems,
                                        const Limits& limits = {});
// Reads the file at `path`, which is also the name in messages.
[[nodiscard]] std::optional<Node> parse_file(const std::string& path, Problems& problems, const Limits& limits = {});

// Scalars as values; nullopt when the node is anything else. Integers are decimal, unquoted, without sign but '-'.
[[nodiscard]] std::optional<std::int64_t> as_integer(const Node& node);
[[nodiscard]] std::optional<bool> as_boolean(const Node& node);  // true or false, unquoted: not yes, on, 1
// "65536", "64KiB", "16MiB", "2GiB".
[[nodiscard]] std::optional<std::uint64_t> parse_byte_size(std::string_view text);

// Reads one map and remembers which keys were asked for.
//
// The typed functions leave `out` alone when the key is absent, and report a problem when its value is not what they
// want. They return the node when, and only when, `out` was set. `what` names the map in messages ("upstream `files`").
class Map {
 public:
  // A null node counts as an empty map; anything else but a map is reported.
  Map(std::string_view file, const Node& node, std::string what, Problems& problems);

  const Node* string(std::string_view key, std::string& out);
  const Node* string(std::string_view key, std::optional<std::string>& out);
  const Node* boolean(std::string_view key, bool& out);
  const Node* integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
  const Node* duration(std::string_view key, TimeMs& out, TimeMs most = std::numeric_limits<TimeMs>::max());
  const Node* byte_size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  const Node* strings(std::string_view key, std::vector<std::string>& out);  // a list; at most 1,000 items
  const Node* strings(std::string_view key, std::map<std::string, std::string>& out);
  const Node* one_of(std::string_view key, std::string& out, const std::vector<std::string_view>& allowed);

  // The raw value of an optional key of that kind; nullptr when absent, and (reported) when of another kind.
  const Node* list(std::string_view key);
  const Node* map(std::string_view key);
  const Node* any(std::string_view key);
  // Reports when the key is absent. True when it is there.
  bool require(std::string_view key);

  // All members, for maps whose keys are the user's own words; counts as having asked for them all.
  const std::vector<Member>& members();

  // Reports every key that was never asked for, with the nearest known one.
  void finish();

  void problem(const Node& at, std::string message) const;
  void warning(const Node& at, std::string message) const;
  [[nodiscard]] const std::string& what() const { return what_; }
  [[nodiscard]] const Node& node() const { return *node_; }

 private:
  const Node* look(std::string_view key);
  const Node* scalar(std::string_view key, std::string_view wanted);
  void wrong(const Node& at, std::string_view key, std::string_view wanted) const;

  std::string file_;
  const Node* node_;
  std::string what_;
  Problems& problems_;
  std::vector<std::string_view> known_;  // names of keys: string literals of the callers
  bool all_known_ = false;
};

}  // namespace countersign::yaml
