#include "proxy/histories.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "policies/question.h"
#include "proxy/lineage.h"

namespace countersign::proxy {
namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

}  // namespace

struct Histories::Shard {
  mutable std::mutex lock;
  std::unordered_map<std::string, Lineage, Hash, std::equal_to<>> lineages;
  TimeMs forgot_until = 0;  // one was forgotten: a new one may be it

  Lineage& of(std::string_view root, TimeMs now, std::size_t most) {
    auto found = lineages.find(root);
    if (found == lineages.end()) {
      if (lineages.size() >= most) forget_idlest();
      found = lineages.emplace(std::string(root), Lineage(now, forgot_until)).first;
    }
    found->second.seen(now);
    return found->second;
  }

  void forget_idlest() {
    const auto idlest = std::ranges::min_element(lineages, {}, [](const auto& each) { return each.second.last(); });
    forgot_until = std::max(forgot_until, idlest->second.last() + Lineage::kWindow);
    lineages.erase(idlest);
  }
};

Histories::Histories(const Limits& limits) : limits_(limits), shards_(new Shard[kShards]) {}
Histories::~Histories() = default;

Histories::Shard& Histories::shard_of(std::string_view root) const {
  return shards_[Hash{}(root) % kShards];
}

template <class What>
void Histories::with(std::string_view root, TimeMs now, const What& what) {
  Shard& shard = shard_of(root);
  const std::lock_guard hold(shard.lock);
  what(shard.of(root, now, std::max<std::size_t>(1, limits_.lineages / kShards)));
}

policies::Session Histories::look(std::string_view root, const Operation& operation, TimeMs now) const {
  const Deed deed(operation);
  const Shard& shard = shard_of(root);
  const std::lock_guard hold(shard.lock);
  const auto found = shard.lineages.find(root);
  if (found != shard.lineages.end()) return found->second.look(deed, now);
  return Lineage(now, shard.forgot_until).look(deed, now);
}

void Histories::note(std::string_view root, const Operation& operation, const policies::Decision& decision,
                     TimeMs now) {
  if (operation.reach != Reach::upstream) return;
  const Deed deed(operation);
  with(root, now, [&](Lineage& lineage) { lineage.decided(deed, decision, now, limits_.marks); });
}

void Histories::note_approved(std::string_view root, const Operation& operation, TimeMs now) {
  const Deed deed(operation);
  with(root, now, [&](Lineage& lineage) {
    lineage.waits_no_more(deed);
    lineage.done(deed, Lineage::By::approval, now, limits_.marks);
  });
}

void Histories::note_denied(std::string_view root, const Operation& operation, TimeMs now) {
  const Deed deed(operation);
  with(root, now, [&](Lineage& lineage) {
    lineage.waits_no_more(deed);
    lineage.refused(deed, {}, false, now, limits_.marks);
  });
}

void Histories::note_success(std::string_view root, const Operation& operation, TimeMs now) {
  const Deed deed(operation);
  with(root, now, [&](Lineage& lineage) { lineage.succeeded(deed, now, limits_.marks); });
}

void Histories::recall(const policies::JournalEntry& entry) {
  if (entry.root.empty()) return;
  policies::Decision decision;
  decision.verdict = entry.verdict;
  decision.code = entry.code;
  note(entry.root, entry.operation, decision, entry.at);
}

void note_denied(Histories& histories, const approvals::HeldRequest& request, TimeMs now) {
  const auto effect = effect_from_name(request.effect);
  if (!effect || request.requester.chain.empty()) return;
  Operation operation;
  operation.protocol = request.frozen.protocol;
  operation.upstream = request.frozen.upstream;
  operation.action = request.action;
  for (const std::string& text : request.resources) {
    const auto resource = policies::read_resource(text);
    if (resource) operation.accesses.push_back({*resource, *effect});
  }
  if (!operation.accesses.empty()) histories.note_denied(request.requester.chain.front(), operation, now);
}

}  // namespace countersign::proxy
