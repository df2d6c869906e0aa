// An account of AWS that answers questions about tags as the services do, and whatever else it is sent with 200.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fakes.h"
#include "proxy/adapters/aws_adapter.h"

namespace countersign::adapters::test {

inline constexpr std::string_view kForm = "application/x-www-form-urlencoded; charset=utf-8";

using Tags = std::map<std::string, std::string>;

// One answer, whole.
class WholeReply final : public HttpReply {
 public:
  WholeReply(int status, std::string body) : body_(std::move(body)) { head_.status = status; }
  [[nodiscard]] const ResponseHead& head() const override { return head_; }
  Task<Result<ByteView>> read() override { co_return std::exchange(read_, true) ? ByteView() : as_bytes(body_); }

 private:
  ResponseHead head_;
  std::string body_;
  bool read_ = false;
};

class TaggedAccount final : public HttpDoor {
 public:
  struct Asked {
    std::string what;  // "ec2:DescribeTags", or the method and target
    std::string body;
    Departure way;
    RequestHead head;
  };

  Task<Result<std::unique_ptr<HttpReply>>> send(RequestHead head, BodySource* body) override {
    static_cast<void>(head);
    static_cast<void>(body);
    co_return fail(ErrorKind::internal, "test.misuse", "unsigned");
  }
  Task<Result<std::unique_ptr<HttpReply>>> send_signed(RequestHead head, BodySource* body, Departure way) override {
    std::string text;
    for (bool more = body != nullptr; more;) {
      Result<ByteView> piece = body->next();
      more = piece && !piece->empty();
      if (more) text += as_text(*piece);
    }
    const bool looks_up = way.keys == Departure::Keys::tags;
    (looks_up ? asked : sent).push_back({head.method + " " + head.target, text, way, head});
    if (meanwhile) meanwhile();
    if (looks_up && down)
      co_return fail(ErrorKind::timed_out, "upstream.timeout", "the upstream did not answer in time");
    if (!looks_up) co_return std::make_unique<WholeReply>(200, "");
    auto [status, answer] = answer_of(head, text, way.sign_for.service);
    co_return std::make_unique<WholeReply>(status, std::move(answer));
  }

  std::map<std::string, Tags> tags;  // by id, ARN, bucket or name
  bool down = false;
  std::function<void()> meanwhile;  // when a request arrives
  std::vector<Asked> asked;         // about tags
  std::vector<Asked> sent;          // everything else

 private:
  using Answer = std::pair<int, std::string>;

  static std::string xml(const Tags& of, const std::string& element) {
    std::string out;
    for (const auto& [key, value] : of)
      out += "<" + element + "><Key>" + key + "</Key><Value>" + value + "</Value></" + element + ">";
    return out;
  }
  static std::string json(const Tags& of) {
    std::string out;
    for (const auto& [key, value] : of)
      out += std::string(out.empty() ? "" : ",") + R"({"Key":")" + key + R"(","Value":")" + value + R"("})";
    return "[" + out + "]";
  }

  Answer answer_of(const RequestHead& head, const std::string& text, const std::string& service) const {
    if (service == "ec2") {
      std::string items;
      for (const auto& [id, of] : tags) {
        if ((text + "&").find("=" + id + "&") == std::string::npos) continue;
        for (const auto& [key, value] : of)
          items += "<item><resourceId>" + id + "</resourceId><resourceType>instance</resourceType><key>" + key +
                   "</key><value>" + value + "</value></item>";
      }
      return {
          200,
          R"(<?xml version="1.0" encoding="UTF-8"?>)"
          R"(<DescribeTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><tagSet>)" +
              items + "</tagSet></DescribeTagsResponse>"};
    }
    if (service == "s3") {
      const std::string bucket = head.target.substr(1, head.target.find('?') - 1);
      auto found = tags.find(bucket);
      if (found == tags.end()) return {404, "<Error><Code>NoSuchBucket</Code></Error>"};
      if (found->second.empty()) return {404, "<Error><Code>NoSuchTagSet</Code></Error>"};
      return {200, "<Tagging><TagSet>" + xml(found->second, "Tag") + "</TagSet></Tagging>"};
    }
    if (service == "iam") {
      auto found = tags.find(text.substr(text.rfind('=') + 1));
      if (found == tags.end())
        return {404, "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code></Error></ErrorResponse>"};
      const std::string result = text.find("ListRoleTags") != std::string::npos ? "ListRoleTags" : "ListUserTags";
      return {200, "<" + result + "Response><" + result + "Result><Tags>" + xml(found->second, "member") +
                       "</Tags><IsTruncated>false</IsTruncated></" + result + "Result></" + result + "Response>"};
    }
    if (service == "tagging") {
      std::string list;
      for (const auto& [arn, of] : tags) {
        if (text.find("\"" + arn + "\"") == std::string::npos) continue;
        list += std::string(list.empty() ? "" : ",") + R"({"ResourceARN":")" + arn + R"(","Tags":)" + json(of) + "}";
      }
      return {200, R"({"PaginationToken":"","ResourceTagMappingList":[)" + list + "]}"};
    }
    const std::size_t from = text.find(":\"") + 2;
    auto found = tags.find(text.substr(from, text.size() - 2 - from));
    if (found == tags.end()) return {400, R"({"__type":"com.amazonaws#ResourceNotFoundException","message":"none"})"};
    return {200, R"({"Tags":)" + json(found->second) + "}"};
  }
};

class OneDoor final : public Doors {
 public:
  HttpDoor* http(std::string_view upstream) override { return upstream == "aws" ? &account : nullptr; }
  McpDoor* mcp(std::string_view upstream) override {
    static_cast<void>(upstream);
    return nullptr;
  }
  Task<Status> run_blocking(std::move_only_function<Status()> work) override { co_return work(); }
  TaggedAccount account;
};

// An account whose labels come from the tags Environment (or env), Tier and Owner.
inline config::Upstream tagged_upstream() {
  config::Upstream upstream;
  upstream.name = "aws";
  upstream.protocol = "aws";
  upstream.aws.id = "111122223333";
  config::AwsTags& tags = upstream.aws.tags.emplace();
  tags.environment = {"Environment", "env"};
  tags.tier = {"Tier"};
  tags.owner = {"Owner"};
  tags.values = {{"p", "production"}, {"nonprod", "staging"}};
  return upstream;
}

// "dev/2/platform" of what an access is tagged with; "?" for what the tags do not say; "nobody asked".
inline std::string said(const std::optional<config::LabelSet>& tags) {
  if (!tags) return "nobody asked";
  return tags->environment.value_or("?") + "/" + (tags->tier ? std::to_string(*tags->tier) : "?") + "/" +
         tags->owner.value_or("?");
}

}  // namespace countersign::adapters::test
