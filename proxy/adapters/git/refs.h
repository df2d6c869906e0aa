// Which refs an upstream has, and what it can do: the advertisement of any version of the protocol, and the command
// `ls-refs` of version 2. (gitprotocol-http "Smart Server Response", gitprotocol-pack "Reference Discovery",
// gitprotocol-v2 "Capability Advertisement", "ls-refs")
//
// The readers take bodies in any pieces and have these errors: git.upstream_bad_answer (it breaks a rule of the
// protocol, or ends early); git.upstream_refused (the upstream says ERR; its words are in the message, made visible);
// git.upstream_too_large (over a limit). Nothing is read behind an error. One thread at a time each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "proxy/adapters/git/object_id.h"
#include "proxy/adapters/git/pkt_stream.h"

namespace countersign::adapters::git {

struct ListedRef {
  std::string name;    // "HEAD", or a ref as is_ref_name() has it
  std::string id;      // empty for a HEAD whose branch has no commit yet
  std::string peeled;  // what an annotated tag stands for, where the upstream says it
  std::string target;  // of a symbolic ref, where the upstream says it: "refs/heads/main"
};

struct RefLimits {
  std::size_t bytes = 32U << 20;  // of the whole answer
  std::size_t refs = 200'000;
};

enum class Service : std::uint8_t { upload_pack, receive_pack };
[[nodiscard]] std::string_view name_of(Service service);  // "git-upload-pack"

struct Advertisement {
  int version = 0;                           // 0, 1, 2
  std::vector<std::string> capabilities;     // as written: "ls-refs=unborn", "symref=HEAD:refs/heads/main"
  ObjectFormat format = ObjectFormat::sha1;  // an empty repository does not always say it
  // Of versions 0 and 1. Refs whose names no push could name are left out, and so is what `.have` names.
  std::vector<ListedRef> refs;

  [[nodiscard]] bool has(std::string_view capability) const;  // with a value or without
  // The value of a capability: "shallow filter" of "fetch=shallow filter". nullopt: it is not there, or has none.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view capability) const;
  // Whether the words of a capability's value hold this one: has_word("fetch", "filter").
  [[nodiscard]] bool has_word(std::string_view capability, std::string_view word) const;
};

// The answer to GET …/info/refs?service=….
class AdvertisementReader {
 public:
  explicit AdvertisementReader(Service service, const RefLimits& limits = {}) : service_(service), limits_(limits) {}
  Status feed(std::string_view piece);
  // The body is over.
  Result<Advertisement> finish();

 private:
  enum class State : std::uint8_t { start, after_service, first_line, refs, capabilities, ended };
  Status take(Pkt packet);
  Status take_first_line(std::string_view line);
  Status take_ref(std::string_view line);
  Status take_capability(std::string_view word);

  Service service_;
  RefLimits limits_;
  PktStream packets_;
  State state_ = State::start;
  std::size_t bytes_ = 0;
  std::size_t lines_ = 0;
  Advertisement out_;
};

// The front of any request of version 2: the command and its capabilities, up to the arguments.
void write_command(std::string& out, std::string_view command, const Advertisement& upstream);

// The body of POST …/git-upload-pack that asks for refs below any of `prefixes` ("refs/heads/", "HEAD"); all of them
// when there are none. Prefixes are is_ref_prefix().
[[nodiscard]] std::string write_ls_refs(const std::vector<std::string>& prefixes, const Advertisement& upstream);

// Whether it may be asked for: no byte that a ref's name cannot hold, at most kMaxRefName long.
[[nodiscard]] bool is_ref_prefix(std::string_view text);

// The answer to it. A HEAD without a commit has an empty id.
class RefsReader {
 public:
  explicit RefsReader(ObjectFormat format, const RefLimits& limits = {}) : format_(format), limits_(limits) {}
  Status feed(std::string_view piece);
  Result<std::vector<ListedRef>> finish();

 private:
  Status take(Pkt packet);

  ObjectFormat format_;
  RefLimits limits_;
  PktStream packets_;
  std::size_t bytes_ = 0;
  std::size_t lines_ = 0;
  bool ended_ = false;
  std::vector<ListedRef> out_;
};

}  // namespace countersign::adapters::git
