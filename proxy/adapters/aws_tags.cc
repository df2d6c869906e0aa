#include "proxy/adapters/aws_tags.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/sha256.h"
#include "proxy/adapters/aws_arn.h"
#include "proxy/adapters/aws_relabels.h"
#include "proxy/adapters/outcome.h"
#include "proxy/adapters/relay.h"
#include "proxy/adapters/text_source.h"

namespace countersign::adapters {
namespace {

constexpr std::size_t kAnswerBytes = 4U << 20;
constexpr TimeMs kBetweenComplaints = 10'000;

std::string things(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " thing" : " things");
}

// What a new thing is made of stays as it is. Not so what is copied elsewhere: an image into a bucket.
bool is_only_copied(const AwsCall& call, std::string_view arn) {
  static constexpr std::array<std::string_view, 7> kMadeOfIt = {"aws:ec2:RunInstances",
                                                                "aws:ec2:CreateFleet",
                                                                "aws:ec2:RequestSpotInstances",
                                                                "aws:ec2:RequestSpotFleet",
                                                                "aws:ec2:CreateVolume",
                                                                "aws:ec2:CreateLaunchTemplate",
                                                                "aws:ec2:CreateLaunchTemplateVersion"};
  if (std::ranges::find(kMadeOfIt, call.action) == kMadeOfIt.end()) return false;
  // A template, or a group in the account's own network, that is named only: nobody has looked what it leads into.
  const bool launches = !call.action.contains("Create") || call.action == "aws:ec2:CreateFleet";
  if (launches &&
      (call.parameters.contains("\"LaunchTemplateName\"") || call.parameters.contains("\"SecurityGroups\"")))
    return false;
  const AwsArn parts = parse_aws_arn(arn);
  const bool material = parts.type == "image" || parts.type == "snapshot" || parts.type == "key-pair";
  return parts.service == "ec2" && material;
}

}  // namespace

AwsTagReader::AwsTagReader(const config::Upstream& upstream, const Clock& clock, const Log* log, Metrics* metrics)
    : upstream_(upstream.name),
      account_(upstream.aws),
      labels_(upstream.labels),
      clock_(clock),
      log_(log),
      cache_(clock, upstream.aws.tags->keep) {
  if (!metrics) return;
  const auto counter = [&](const char* result) {
    return &metrics->counter("countersign_tag_lookups_total", "Look-ups of tags by what became of them.",
                             {{"upstream", upstream_}, {"result", result}});
  };
  answered_ = counter("answered");
  failed_ = counter("failed");
}

Task<void> AwsTagReader::read(Doors& doors, const AwsCall& call, std::string_view region, From from,
                              Operation& operation) {
  constexpr std::size_t kNobody = SIZE_MAX;
  std::vector<Wanted> wanted;
  std::unordered_map<std::string, std::size_t> places;              // in `wanted`, by key
  std::vector<std::size_t> of(operation.accesses.size(), kNobody);  // which of `wanted` an access is about
  for (std::size_t i = 0; i < operation.accesses.size(); ++i) {
    Access& access = operation.accesses[i];
    access.tags.reset();
    if (!is_change(access.effect) || is_only_copied(call, access.resource.name)) continue;
    std::optional<AwsTagQuestion> question = question_about(account_, access.resource.name, region);
    if (!question) {
      if (!makes_new(call, access.resource.name)) access.tags.emplace();
      continue;
    }
    const std::string key = question->key();
    const auto [place, first] = places.emplace(key, wanted.size());
    of[i] = place->second;
    if (!first) continue;
    std::optional<AwsThingLabels> known;
    if (from == From::cache) known = cache_.find(key);
    wanted.push_back({std::move(*question), known.value_or(AwsThingLabels{}), !known});
  }
  co_await ask(doors, wanted);
  std::size_t unread = 0;
  std::size_t unlabelled = 0;
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (of[i] == kNobody) {
      if (operation.accesses[i].tags) ++unlabelled;
      continue;
    }
    const AwsThingLabels& found = wanted[of[i]].found;
    Access& access = operation.accesses[i];
    const bool not_there_yet = found.state == AwsThingLabels::State::absent && makes_new(call, access.resource.name);
    if (!not_there_yet) access.tags = found.labels;
    if (found.state == AwsThingLabels::State::unknown)
      ++unread;
    else if (access.tags && !access.tags->environment)
      ++unlabelled;
  }
  // For approvers and the audit log: why something is production that does not look like it.
  if (unread > 0) operation.summary += "; tags that could not be read: of " + things(unread);
  if (unlabelled > 0) operation.summary += "; without tags that say where it belongs: " + things(unlabelled);
}

Task<void> AwsTagReader::ask(Doors& doors, std::vector<Wanted>& wanted) {
  const TimeMs until = clock_.now() + kTagPatience;
  const std::uint64_t mark = cache_.mark();
  for (std::size_t calls = 0, next = 0; next < wanted.size(); ++next) {
    if (!wanted[next].open) continue;
    const AwsTagQuestion& first = wanted[next].question;
    std::vector<AwsTagQuestion> batch;
    std::vector<std::size_t> places;
    for (std::size_t i = next; i < wanted.size() && batch.size() < batch_of(first.by); ++i) {
      if (!wanted[i].open || wanted[i].question.by != first.by || wanted[i].question.region != first.region) continue;
      batch.push_back(wanted[i].question);
      places.push_back(i);
    }
    const TimeMs left = until - clock_.now();
    if (calls++ == kMostTagCalls || left <= 0) {
      count(false, "it would take too long", static_cast<std::size_t>(std::ranges::count(wanted, true, &Wanted::open)));
      co_return;
    }
    for (std::size_t place : places) wanted[place].open = false;
    auto answers = co_await this->call(doors, std::move(batch), left);
    count(answers.has_value(), answers ? std::string_view() : std::string_view(answers.error().message), places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      Wanted& one = wanted[places[i]];
      if (answers) {
        const AwsTagAnswer& answer = (*answers)[i];
        const bool present = answer.state == AwsTagAnswer::State::present;
        const bool absent = answer.state == AwsTagAnswer::State::absent;
        if (present) one.found = {AwsThingLabels::State::present, labels_of_tags(*account_.tags, labels_, answer.tags)};
        if (absent) one.found.state = AwsThingLabels::State::absent;
      }
      cache_.keep(one.question.key(), one.found, mark);
    }
  }
}

Task<Result<std::vector<AwsTagAnswer>>> AwsTagReader::call(Doors& doors, std::vector<AwsTagQuestion> batch,
                                                           TimeMs patience) {
  HttpDoor* door = doors.http(upstream_);
  if (door == nullptr) co_return fail(not_connected());
  Result<AwsTagCall> request = call_for(account_, batch);
  if (!request) co_return fail(request.error());
  Departure way{.sign_for = request->sign_for,
                .endpoint = request->endpoint,
                .body_sha256 = to_hex(sha256(as_bytes(request->body))),
                .keys = Departure::Keys::tags,
                .patience = patience};
  TextSource text(request->body);
  BodySource* body = request->body.empty() ? nullptr : &text;
  RequestHead head = std::move(request->head);
  auto reply = co_await door->send_signed(std::move(head), body, std::move(way));
  if (!reply) co_return fail(reply.error());
  HttpReply& answer = **reply;
  Error too_long{ErrorKind::too_large, "aws.tags_too_long", "the answer about tags is too long"};
  auto read = co_await read_all(answer, kAnswerBytes, std::move(too_long));
  if (!read) co_return fail(read.error());
  std::vector<AwsTagAnswer> out = read_tags(batch, answer.head().status, *read);
  const bool said =
      std::ranges::any_of(out, [](const AwsTagAnswer& each) { return each.state != AwsTagAnswer::State::unknown; });
  if (!said) {
    co_return fail(ErrorKind::unavailable, "aws.tags_unreadable",
                   "the answer has status " + std::to_string(answer.head().status) + " and says nothing about tags");
  }
  co_return out;
}

void AwsTagReader::count(bool answered, std::string_view why, std::size_t things) {
  if (Counter* counter = answered ? answered_ : failed_) counter->add();
  if (answered || !log_) return;
  const TimeMs now = clock_.now();
  TimeMs last = complained_.load();
  if (now >= last && now - last < kBetweenComplaints) return;
  if (!complained_.compare_exchange_strong(last, now)) return;
  log_->warning("tags could not be looked up: what they would label counts as production",
                {{"upstream", upstream_}, {"things", std::to_string(things)}, {"why", why}});
}

void AwsTagReader::forget_if_changed(const AwsCall& call, std::string_view region) {
  if (!may_change_tags(call)) return;
  bool all = false;
  for (const AwsAccess& access : call.accesses) {
    if (!is_change(access.effect)) continue;
    if (std::optional<AwsTagQuestion> question = question_about(account_, access.arn, region)) {
      cache_.forget(question->key());
    } else {
      all = all || is_about_tags(call);
    }
  }
  if (all) cache_.forget_all();
}

}  // namespace countersign::adapters
