// The gateway's own git client: one repository of one upstream, asked through the upstream's door, which adds the
// credential. Reads with protocol version 2 (gitprotocol-v2), writes with git-receive-pack (gitprotocol-pack).
//
// Errors, besides those of the door (upstream.*):
//   git.upstream_refused       a status other than 200, or the upstream's ERR; its words are in the message, made
//                              visible
//   git.upstream_lacks_object  it has no object of that name (or shows it to nobody)
//   git.upstream_too_old       it does not speak version 2 (fetch), or does not report what became of a push
//   git.upstream_cannot        it does not do what the push needs: `atomic`, `delete-refs`
//   git.upstream_bad_answer    not what the protocol says, or it breaks off
//   git.upstream_too_large     over a limit
//   git.store_unwritable       the pack's file cannot be written
//   git.bad_fetch, git.bad_ref, git.bad_push   what was asked for makes no sense; nothing was sent
//
// Belongs to one worker; several calls may run at the same time. It outlives them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/task.h"
#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/objects/needs.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git/refs.h"
#include "proxy/adapters/git/report.h"
#include "proxy/adapters/git_memory.h"

namespace countersign::adapters {

struct GitPack {
  std::uint64_t bytes = 0;    // of the file
  std::uint32_t objects = 0;  // as its head says; 0: it is empty, and there is nothing to add to a store
};

struct GitUpstreamLimits {
  git::RefLimits refs;            // of one answer with refs
  std::size_t names = 100'000;    // wants and haves of a fetch together
  std::size_t commands = 1'000;   // of a push
  std::size_t report = 4U << 20;  // bytes of the answer to a push
};

class GitUpstream {
 public:
  // `door` and `memory` outlive it. `path` is the repository's as the client spelt it: "/team/app.git".
  GitUpstream(HttpDoor& door, GitMemory& memory, std::string upstream, std::string path,
              const GitUpstreamLimits& limits = {})
      : door_(door), memory_(memory), place_{std::move(upstream), std::move(path)}, limits_(limits) {}

  // Refs below any of the prefixes ("refs/heads/main" is one; it finds refs/heads/main2 as well), asked now; all of
  // them when there are none. The default branch comes with each answer. An upstream that speaks version 0 or 1 only is
  // read as well. Error: git.bad_ref.
  Task<Result<GitRefs>> refs(std::vector<std::string> prefixes);

  // Branches and tags as the memory has them, or else asked now; with the default branch, where the upstream says it.
  // Never null.
  Task<Result<std::shared_ptr<const GitRefs>>> recent_refs();

  // Fetches into the file `into`, which is made or emptied, and removed again after an error; at most `limit` bytes.
  // The pack is not checked beyond its head. An upstream without filters or depths sends more than was asked for.
  Task<Result<GitPack>> fetch(git::Fetch wanted, git::ObjectFormat format, std::filesystem::path into,
                              std::uint64_t limit);

  // Pushes; all or nothing when there are several commands. `pack`: empty when the upstream has every object already.
  // Without an error the report has a line for each command, in their order; `unpack` or a line may still say no. After
  // an error from the door, nothing_was_sent() tells whether it may have happened; after git.upstream_bad_answer and
  // git.upstream_too_large it may have. The memory's refs are forgotten. Errors: git.bad_push, git.upstream_cannot.
  Task<Result<git::PushReport>> push(std::vector<git::RefCommand> commands, std::string pack);

  [[nodiscard]] const GitMemory::Place& place() const { return place_; }

 private:
  using Capabilities = std::shared_ptr<const git::Advertisement>;
  Task<Result<git::Advertisement>> advertisement(git::Service service);
  // As remembered, or else asked now.
  Task<Result<Capabilities>> capabilities(git::Service service);
  // The answer to a request, when its head promises one of this service.
  Task<Result<std::unique_ptr<HttpReply>>> answer(RequestHead head, std::string body, std::string type);
  Task<Result<std::unique_ptr<HttpReply>>> post(git::Service service, std::string body);
  Task<Result<std::vector<git::ListedRef>>> list(std::vector<std::string> prefixes, Capabilities capabilities);
  Task<Result<GitPack>> receive(HttpReply& reply, std::filesystem::path into, std::uint64_t limit);
  Task<Result<std::string>> read_answer(HttpReply& reply);

  HttpDoor& door_;
  GitMemory& memory_;
  GitMemory::Place place_;
  GitUpstreamLimits limits_;
};

}  // namespace countersign::adapters
