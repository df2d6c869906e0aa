#include "proxy/adapters/git/objects/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <system_error>

namespace countersign::adapters::git {
namespace {

std::unexpected<Error> broken(std::string message) {
  return fail(ErrorKind::unavailable, "git.tool_failed", std::move(message));
}

std::unexpected<Error> out_of_time() {
  return fail(ErrorKind::timed_out, "git.tool_timeout", "git took longer than its limit and was stopped");
}

// Bytes are handed over as a file without a name: nothing has to be written while the output is read.
Result<Descriptor> input_of(std::string_view bytes) {
  Descriptor file(::memfd_create("git-input", MFD_CLOEXEC));
  if (!file.is_open()) return broken("no memory file for git's input");
  while (!bytes.empty()) {
    ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken("git's input cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return broken("git's input cannot be read");
  return file;
}

Result<Descriptor> input_of(const FileInput& input) {
  Descriptor file(::open(input.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return broken("git's input file cannot be opened");
  if (::lseek(file.get(), static_cast<off_t>(input.offset), SEEK_SET) < 0) return broken("git's input cannot be read");
  return file;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> open_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return broken("no pipe for git's output");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// One of the command's outputs: what is kept of it and how much that may be.
struct Stream {
  Descriptor source;
  std::string text;
  std::size_t limit = 0;
  bool over = false;

  // Reads what is there; closes the source at its end.
  void pump() {
    std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    ssize_t count = ::read(source.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0) return source.close();
    std::size_t size = static_cast<std::size_t>(count);
    std::size_t kept = std::min(size, limit - text.size());
    text.append(buffer.data(), kept);
    over = over || kept < size;
  }
};

// Reads both to their ends. Stops early when standard output goes over its limit.
Status read_outputs(Stream& output, Stream& errors, SteadyTime deadline) {
  while (output.source.is_open() || errors.source.is_open()) {
    // A closed descriptor is -1 here, which poll passes over.
    std::array<pollfd, 2> ready = {pollfd{.fd = output.source.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = errors.source.get(), .events = POLLIN, .revents = 0}};
    int count = ::poll(ready.data(), ready.size(), milliseconds_until(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return broken("git's output cannot be read");
    if (count == 0) return out_of_time();
    if (ready[0].revents != 0) output.pump();
    if (ready[1].revents != 0) errors.pump();
    if (output.over) return fail(ErrorKind::too_large, "git.tool_output_too_large", "git wrote more than its limit");
  }
  return {};
}

}  // namespace

Result<GitOutcome> run_git(const GitCommand& command, const ToolLimits& limits) {
  SteadyTime deadline = std::chrono::steady_clock::now() + limits.time;
  Result<Descriptor> input = std::visit([](const auto& each) { return input_of(each); }, command.input);
  if (!input) return fail(input.error());
  Result<Pipe> errors = open_pipe();
  if (!errors) return fail(errors.error());

  Pipe output;
  if (command.output_file.empty()) {
    Result<Pipe> pipe = open_pipe();
    if (!pipe) return fail(pipe.error());
    output = std::move(*pipe);
  } else {
    output.write = Descriptor(::open(command.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!output.write.is_open()) return broken("git's output file cannot be opened");
  }

  Result<Child> child = Child::start(command, limits, input->get(), output.write.get(), errors->write.get());
  if (!child) return fail(child.error());
  input->close();
  output.write.close();
  errors->write.close();

  Stream out{.source = std::move(output.read), .text = {}, .limit = limits.output};
  Stream complaints{.source = std::move(errors->read), .text = {}, .limit = limits.errors};
  Status read = read_outputs(out, complaints, deadline);
  if (!read) return fail(read.error());
  std::optional<int> status = child->wait(deadline);
  if (!status) return out_of_time();
  if (WIFSIGNALED(*status) && WTERMSIG(*status) == SIGXFSZ) {
    return fail(ErrorKind::too_large, "git.tool_output_too_large", "git wrote a file larger than its limit");
  }
  // A command may have written its file before the limit was set on it (Child::start).
  std::error_code ignored;
  bool in_file = !command.output_file.empty();
  if (in_file && std::filesystem::file_size(command.output_file, ignored) > limits.file_size && !ignored) {
    return fail(ErrorKind::too_large, "git.tool_output_too_large", "git wrote a file larger than its limit");
  }
  int code = WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
  return GitOutcome{.exit_code = code, .output = std::move(out.text), .errors = std::move(complaints.text)};
}

std::unexpected<Error> tool_failed(std::string_view what, const GitOutcome& outcome) {
  std::string message(what);
  message += ": ";
  std::string_view complaint = std::string_view(outcome.errors).substr(0, outcome.errors.find('\n'));
  if (complaint.empty()) message += "exit code " + std::to_string(outcome.exit_code);
  for (char c : complaint.substr(0, 300)) message += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return fail(ErrorKind::unavailable, "git.tool_failed", std::move(message));
}

}  // namespace countersign::adapters::git
