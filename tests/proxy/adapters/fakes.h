// Stand-ins for what lies around an adapter: the upstream's doors and the client's end. The adapters under test are the
// real ones.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/json_reader.h"
#include "core/sha256.h"
#include "proxy/adapters/adapter.h"
#include "proxy/adapters/mcp_protocol.h"

namespace countersign::adapters::test {

// Runs a coroutine to its end; fails loudly when it never gets there.
template <class T>
T run(Task<T> task) {
  boost::asio::io_context context;
  std::optional<T> result;
  boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result.emplace(std::move(value));
  });
  context.run();
  if (!result) throw std::logic_error("the coroutine did not end");
  return std::move(*result);
}

class FakeSink final : public ReplySink {
 public:
  Task<Status> start(ResponseHead given, std::optional<std::uint64_t> size) override {
    if (started_) co_return fail(ErrorKind::internal, "test.misuse", "started twice");
    started_ = true;
    head = std::move(given);
    length = size;
    co_return Status();
  }
  Task<Status> write(ByteView bytes) override {
    if (!started_ || finished) co_return fail(ErrorKind::internal, "test.misuse", "written outside");
    if (fail_writes) co_return fail(ErrorKind::unavailable, "http.client_gone", "the client has gone");
    body += as_text(bytes);
    co_return Status();
  }
  Task<Status> write_ahead(ByteView bytes) override {
    ahead += as_text(bytes);
    co_return co_await write(bytes);
  }
  Task<Status> finish() override {
    if (finished) co_return fail(ErrorKind::internal, "test.misuse", "finished twice");
    finished = true;
    co_return Status();
  }
  [[nodiscard]] bool started() const override { return started_; }
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(head.headers.get(name).value_or(""));
  }

  ResponseHead head;
  std::optional<std::uint64_t> length;
  std::string body;
  std::string ahead;
  bool finished = false;
  bool fail_writes = false;

 private:
  bool started_ = false;
};

class FakeReply final : public HttpReply {
 public:
  FakeReply(ResponseHead head, std::vector<std::string> pieces, std::optional<Error> end)
      : head_(std::move(head)), pieces_(std::move(pieces)), end_(std::move(end)) {}
  [[nodiscard]] const ResponseHead& head() const override { return head_; }
  Task<Result<ByteView>> read() override {
    if (next_ < pieces_.size()) co_return as_bytes(pieces_[next_++]);
    if (end_) co_return fail(*end_);
    co_return ByteView();
  }

 private:
  ResponseHead head_;
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
  std::optional<Error> end_;
};

// Answers from a script, and remembers what was sent.
class FakeHttpDoor final : public HttpDoor {
 public:
  struct Answer {
    ResponseHead head;
    std::vector<std::string> pieces;
    std::optional<Error> refused;  // send itself fails
    std::optional<Error> breaks;   // after the pieces
  };
  struct Sent {
    RequestHead head;
    std::string body;
  };
  Task<Result<std::unique_ptr<HttpReply>>> send(RequestHead head, BodySource* body) override {
    Sent record{std::move(head), {}};
    if (body) {
      body->rewind();
      while (true) {
        Result<ByteView> piece = body->next();
        if (!piece || piece->empty()) break;
        record.body += as_text(*piece);
      }
    }
    sent.push_back(std::move(record));
    if (respond) {
      Answer answer = respond(sent.back());
      answers.push_back(std::move(answer));
    }
    if (answers.empty()) co_return fail(ErrorKind::unavailable, "upstream.connect_failed", "nobody listens");
    Answer answer = std::move(answers.front());
    answers.pop_front();
    if (answer.refused) co_return fail(*answer.refused);
    co_return std::make_unique<FakeReply>(std::move(answer.head), std::move(answer.pieces), std::move(answer.breaks));
  }
  Task<Result<std::unique_ptr<HttpReply>>> send_signed(RequestHead head, BodySource* body, Departure way) override {
    static_cast<void>(way);
    co_return co_await send(std::move(head), body);
  }
  std::deque<Answer> answers;
  std::vector<Sent> sent;
  std::function<Answer(const Sent&)> respond;
};

class FakeMcpDoor final : public McpDoor {
 public:
  Task<Result<std::shared_ptr<const McpCatalogue>>> catalogue() override {
    if (!listed) co_return fail(ErrorKind::unavailable, "upstream.connect_failed", "not running");
    co_return listed;
  }
  [[nodiscard]] std::shared_ptr<const McpCatalogue> last_catalogue() const override { return listed; }
  Task<Result<std::string>> call(std::string method, std::string params,
                                 std::function<void(std::string)> on_progress) override {
    calls.push_back({method, params, static_cast<bool>(on_progress)});
    if (on_progress) {
      for (const std::string& text : progress) on_progress(text);
    }
    if (error) co_return fail(*error);
    co_return answer;
  }
  void add_tool(const std::string& definition, const std::string& name, bool annotated, bool read_only,
                bool destructive) {
    McpCatalogue next = listed ? *listed : McpCatalogue{"{}", "", R"({"tools":{}})", {}};
    next.tools.push_back({name, definition, to_hex(sha256(definition)), read_only, destructive, annotated});
    if (auto tool = JsonDocument::parse(definition)) next.tools.back().required = required_arguments(tool->root());
    listed = std::make_shared<const McpCatalogue>(std::move(next));
  }

  struct Call {
    std::string method;
    std::string params;
    bool wants_progress = false;
  };
  std::shared_ptr<const McpCatalogue> listed;
  std::vector<Call> calls;
  std::vector<std::string> progress;
  std::string answer = R"({"result":{"content":[]}})";
  std::optional<Error> error;
};

class FakeDoors final : public Doors {
 public:
  HttpDoor* http(std::string_view upstream) override {
    auto found = http_doors.find(upstream);
    return found == http_doors.end() ? nullptr : &found->second;
  }
  McpDoor* mcp(std::string_view upstream) override {
    auto found = mcp_doors.find(upstream);
    return found == mcp_doors.end() ? nullptr : &found->second;
  }
  Task<Status> run_blocking(std::move_only_function<Status()> work) override { co_return work(); }
  std::map<std::string, FakeHttpDoor, std::less<>> http_doors;
  std::map<std::string, FakeMcpDoor, std::less<>> mcp_doors;
};

class TextBody final : public BodySource {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  void rewind() override { read_ = false; }
  Result<ByteView> next() override { return std::exchange(read_, true) ? ByteView() : as_bytes(text_); }

 private:
  std::string text_;
  bool read_ = false;
};

inline BodyView view_of(std::string_view body) {
  return {body.size(), to_hex(sha256(body)), body};
}

}  // namespace countersign::adapters::test
