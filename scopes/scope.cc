#include "scopes/scope.h"

#include <algorithm>

#include "scopes/protocols.h"

namespace countersign {
namespace {

bool names(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

bool globs(const std::vector<std::string>& list, std::string_view value) {
  return list.empty() || std::ranges::any_of(list, [&](const std::string& glob) { return glob_matches(glob, value); });
}

// nullptr when the rule admits; otherwise the condition that refused.
const char* refusing_condition(const ScopeRule& rule, const Operation& operation, const LabelledAccess& labelled) {
  if (!names(rule.upstreams, operation.upstream)) return "upstream";
  if (!admits_action(rule, operation.protocol, operation.action_of(*labelled.access))) return "action";
  if (!rule.effects.empty() && !rule.effects.contains(labelled.access->effect)) return "effect";
  if (!globs(rule.resources, labelled.access->resource.id)) return "resource";
  if (!names(rule.environments, labelled.environment)) return "environment";
  return nullptr;
}

std::optional<Refusal> refuses_by_time(const ScopeBlock& block, TimeMs now) {
  if (block.expires && now >= *block.expires)
    return Refusal{"scope.expired", "the token expired at " + format_time(*block.expires)};
  if (block.not_before && now < *block.not_before) {
    return Refusal{"scope.not_yet_valid", "the token is valid from " + format_time(*block.not_before)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> Scope::refuses(const Operation& operation, const std::vector<LabelledAccess>& accesses,
                                      TimeMs now) const {
  if (blocks_.empty()) return Refusal{"scope.empty", "the token has no scope"};
  for (const ScopeBlock& block : blocks_) {
    if (auto refusal = refuses_by_time(block, now)) return refusal;
    for (const LabelledAccess& labelled : accesses) {
      const char* condition = "rule";
      bool admitted = false;
      for (const ScopeRule& rule : block.rules) {
        condition = refusing_condition(rule, operation, labelled);
        if (!condition) {
          admitted = true;
          break;
        }
      }
      if (admitted) continue;
      return Refusal{std::string("scope.") + condition,
                     "the token's scope does not cover " + operation.action_of(*labelled.access) + " (" +
                         std::string(effect_name(labelled.access->effect)) + ") on " + labelled.access->resource.id};
    }
  }
  return std::nullopt;
}

bool Scope::names_upstream(std::string_view upstream, TimeMs now) const {
  if (blocks_.empty()) return false;
  return std::ranges::all_of(blocks_, [&](const ScopeBlock& block) {
    return !refuses_by_time(block, now) &&
           std::ranges::any_of(block.rules, [&](const ScopeRule& rule) { return names(rule.upstreams, upstream); });
  });
}

bool admits_action(const ScopeRule& rule, std::string_view protocol, std::string_view action) {
  if (globs(rule.actions, action)) return true;
  std::string_view group = group_of(protocol, action);
  return !group.empty() && globs(rule.actions, group);
}

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace countersign
