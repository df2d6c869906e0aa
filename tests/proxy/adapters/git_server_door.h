// An upstream made of stock git: each request runs the command that git's own HTTP server would run, on repositories in
// a folder. Bodies arrive in small pieces, as from a network.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/objects/process.h"

namespace countersign::adapters::test {

class GitServerDoor final : public HttpDoor {
 public:
  // "/team/app.git" is the repository `root`/team/app.git.
  explicit GitServerDoor(std::filesystem::path root) : root_(std::move(root)) {}

  struct Sent {
    std::string method;
    std::string target;
    std::string body;
  };

  std::vector<std::string> settings;  // "uploadpack.allowFilter=true", for each command
  bool version_2 = true;              // false: Git-Protocol is not passed on
  std::size_t piece = 777;            // the most that one read gives
  std::vector<Sent> sent;             // all requests, in their order
  // When set: the field as the client is to see it, in place of what git's server says.
  std::optional<std::string> content_type;

  Task<Result<std::unique_ptr<HttpReply>>> send(RequestHead head, BodySource* body) override {
    Sent record{head.method, head.target, {}};
    if (body) {
      body->rewind();
      while (true) {
        Result<ByteView> next = body->next();
        if (!next || next->empty()) break;
        record.body += as_text(*next);
      }
    }
    sent.push_back(record);
    std::unique_ptr<HttpReply> reply = answer(record, head);
    co_return reply;
  }

 private:
  class Reply final : public HttpReply {
   public:
    Reply(int status, const std::string& type, std::string body, std::size_t piece)
        : head_{status, {}}, body_(std::move(body)), piece_(piece) {
      head_.headers.add("Content-Type", type);
    }
    [[nodiscard]] const ResponseHead& head() const override { return head_; }
    Task<Result<ByteView>> read() override {
      const std::string_view next = std::string_view(body_).substr(at_, piece_);
      at_ += next.size();
      co_return as_bytes(next);
    }

   private:
    ResponseHead head_;
    std::string body_;
    std::size_t piece_;
    std::size_t at_ = 0;
  };

  std::unique_ptr<HttpReply> answer(const Sent& request, const RequestHead& head) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    for (std::string service : {"upload-pack", "receive-pack"}) {
      const bool advertises = request.method == "GET" && request.target.ends_with("/info/refs?service=git-" + service);
      const bool serves = request.method == "POST" && path.ends_with("/git-" + service);
      if (!advertises && !serves) continue;
      const std::filesystem::path folder = root_ / path.substr(1, path.rfind(advertises ? "/info/refs" : "/git-") - 1);
      if (!std::filesystem::exists(folder)) break;
      git::GitCommand command;
      for (const std::string& setting : settings) command.arguments.insert(command.arguments.end(), {"-c", setting});
      command.arguments.insert(command.arguments.end(), {service, "--stateless-rpc"});
      if (advertises) command.arguments.emplace_back("--http-backend-info-refs");
      command.arguments.push_back(folder.string());
      const std::string version(version_2 ? head.headers.get("Git-Protocol").value_or("") : "");
      if (!version.empty()) command.environment.emplace_back("GIT_PROTOCOL", version);
      command.input = std::string_view(request.body);
      Result<git::GitOutcome> ran = git::run_git(command, {.output = 256U << 20});
      if (!ran) break;
      const bool announced = advertises && !(version == "version=2" && service == "upload-pack");
      const std::string length = service == "upload-pack" ? "001e" : "001f";
      std::string front = announced ? length + "# service=git-" + service + "\n0000" : "";
      const std::string type =
          "application/x-git-" + service + (advertises ? std::string("-advertisement") : std::string("-result"));
      return std::make_unique<Reply>(200, content_type.value_or(type), front + ran->output, piece);
    }
    return std::make_unique<Reply>(404, "text/plain", "not found\n", piece);
  }

  std::filesystem::path root_;
};

}  // namespace countersign::adapters::test
