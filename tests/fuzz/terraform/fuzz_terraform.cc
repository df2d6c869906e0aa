// Any bytes as two states, or as a lock: they are refused, or mean what they say. The first byte chooses; two states
// are parted by a line feed.
#include <cstdlib>
#include <string>

#include "core/sha256.h"
#include "proxy/adapters/terraform_request.h"
#include "proxy/adapters/terraform_story.h"

namespace {

using namespace countersign;
using namespace countersign::adapters;

void require(bool holds) {
  if (!holds) std::abort();
}

FoundState found(std::string_view text) {
  FoundState out{.kind = FoundState::Kind::unreadable, .state = {}, .sha256 = to_hex(sha256(text))};
  if (text.empty()) out = {.kind = FoundState::Kind::absent, .state = {}, .sha256 = {}};
  if (Result<TerraformState> state = read_terraform_state(text)) {
    out.kind = FoundState::Kind::readable;
    out.state = std::move(*state);
  }
  return out;
}

void check_states(std::string_view text) {
  const std::size_t cut = std::min(text.find('\n'), text.size());
  const FoundState present = found(text.substr(0, cut));
  const FoundState next = found(text.substr(std::min(cut + 1, text.size())));
  const StateChange change = compare_states(present, next);
  // Its own lock never makes anything worse, and nothing unreadable is a mere write.
  const Effect bare = effect_of(change, StateLock::none);
  const Effect locked = effect_of(change, StateLock::own);
  require(locked <= bare && bare >= Effect::write);
  if (next.kind != FoundState::Kind::readable) require(locked == Effect::destroy);
  require(change.lost == 0 || bare == Effect::destroy);
  require(change.lost >= 0 && change.added >= 0 && change.lost_resources.size() <= kMostLost);
  if (present.kind == FoundState::Kind::readable) {
    const StateChange same = compare_states(present, present);
    require(same.flags.empty() && same.lost == 0 && same.added == 0);
    require(compare_with_nothing(present).lost == static_cast<std::int64_t>(present.state.instances.size()));
  }
  TerraformStory story{.action = "terraform:write_state", .state = "prod/x", .known = true, .change = change};
  story.effect = bare;
  const Result<TerraformStory> again = thaw_story(freeze_story(story));
  require(again.has_value());
  require(terraform_sentence(*again, "tf", "production") == terraform_sentence(story, "tf", "production"));
  require(operation_of(*again, "tf").input == operation_of(story, "tf").input);
  static_cast<void>(terraform_preview(story));
}

void check_lock(const std::string& body, std::string_view method) {
  RequestHead head{std::string(method), "/tf/prod/x", {}};
  Inbound inbound{&head, "/prod/x", {body.size(), to_hex(sha256(body)), body}, "team"};
  inbound.lineage = "root";
  const Result<TerraformRequest> request = read_terraform_request(inbound);
  if (!request) return;
  require(request->lock.id.empty() ? method == "UNLOCK" : is_lock_id(request->lock.id));
  approvals::Frozen frozen;
  frozen.head = freeze_terraform_request(*request);
  frozen.body_size = body.size();
  const Result<TerraformRequest> thawed = thaw_terraform_request(frozen, body);
  require(thawed.has_value() && thawed->lock.id == request->lock.id && thawed->lineage == "root");
  require(terraform_identity(*thawed) == terraform_identity(*request));
  const TerraformStory story{.action = "terraform:lock", .state = "prod/x", .lock = request->lock};
  require(terraform_sentence(story, "tf", "production").size() < 2'000);
  static_cast<void>(operation_of(story, "tf"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] == 'L') {
    check_lock(text, "LOCK");
  } else if (data[0] == 'U') {
    check_lock(text, "UNLOCK");
  } else {
    check_states(text);
  }
  return 0;
}
