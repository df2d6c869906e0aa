// Objects that a question about a push cannot be answered without, and that only the upstream has.
//
// What needs them returns a list of fetches instead of an answer. The caller asks the upstream (protocol version 2,
// command `fetch`: every object can be wanted by its name), adds the packs it gets to the store (Cache::add_pack) and
// asks again with the answers. Every question is settled in a few rounds; a caller that wants no more of them says
// Missing::accept and gets what is known.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "proxy/adapters/git/objects/pack_index.h"

namespace countersign::adapters::git {

// `filter` of the fetch. An upstream that offers none may be asked without: it sends more.
enum class Filter : std::uint8_t {
  none,
  no_blobs,  // blob:none
  no_trees,  // tree:0, commits and tags, and what is wanted by its name
};

struct Fetch {
  std::vector<std::string> wants;  // names of objects of any type
  // Commits to say `have` for, so that only what is reachable from wants and not from these is sent. The answer must
  // not be a thin pack.
  std::vector<std::string> haves;
  Filter filter = Filter::none;
  std::uint32_t depth = 0;  // `deepen`; 0: all

  friend bool operator==(const Fetch&, const Fetch&) = default;
};

struct Needs {
  std::vector<Fetch> fetches;  // at least one
};

// A fetch that was made, and what came of it: null when the upstream sent an empty pack.
struct Answer {
  Fetch fetch;
  std::shared_ptr<const PackIndex> objects;
};

template <class T>
using OrNeeds = std::variant<T, Needs>;

// What to do where objects are absent.
enum class Missing : std::uint8_t {
  report,  // return Needs
  accept,  // answer without them: `unknown` and `truncated` in the answer say where
};

}  // namespace countersign::adapters::git
