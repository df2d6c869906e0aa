// A git command that answers questions: bytes in, bytes out, until it is dropped. Blocking; one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "proxy/adapters/git/objects/child.h"

namespace countersign::adapters::git {

class Conversation {
 public:
  // `limits.time` is for the whole conversation. Errors: git.tool_missing, git.tool_failed.
  static Result<Conversation> start(const ChildCommand& command, const ToolLimits& limits);

  // Errors of the rest: git.tool_failed (the command has ended), git.tool_timeout.
  Status send(std::string_view bytes);
  // Up to a line feed, which is dropped. A line over 64 KiB is git.tool_failed: no answer has one.
  Result<std::string> read_line();
  Status read_exactly(std::size_t count, std::string& out);
  // Reads and drops.
  Status skip(std::size_t count);

 private:
  Conversation(Child child, Descriptor socket, SteadyTime deadline)
      : child_(std::move(child)), socket_(std::move(socket)), deadline_(deadline) {}
  Status fill();

  Child child_;
  Descriptor socket_;  // both directions: the command's standard input and output
  SteadyTime deadline_;
  std::string buffer_;
  std::size_t at_ = 0;  // what of the buffer has been taken
};

}  // namespace countersign::adapters::git
