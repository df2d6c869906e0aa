#include "policies/cedar/schema/schema.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "policies/cedar/schema/cedar_syntax.h"
#include "policies/cedar/schema/fragment.h"
#include "policies/cedar/schema/json_syntax.h"
#include "policies/cedar/schema/resolve.h"

namespace cedar {

std::expected<SourcedFragment, Schema::Problems> parse_fragment(std::shared_ptr<const Source> source,
                                                                const SchemaLimits& limits) {
  auto fragment = is_json_schema(source->text()) ? parse_json_schema(source->text(), limits)
                                                 : parse_cedar_schema(source->text(), limits);
  if (fragment) return SourcedFragment{std::move(source), std::move(*fragment)};
  Schema::Problems problems;
  for (Diagnostic& each : fragment.error()) problems.push_back({source, std::move(each)});
  return std::unexpected(std::move(problems));
}

std::expected<Schema, Schema::Problems> Schema::parse(std::string_view text, const SchemaLimits& limits) {
  std::vector<PolicySet::NamedText> fragments;
  fragments.push_back({"schema", std::string(text)});
  return parse(std::move(fragments), limits);
}

std::expected<Schema, Schema::Problems> Schema::parse(std::vector<PolicySet::NamedText> fragments,
                                                      const SchemaLimits& limits) {
  std::vector<SourcedFragment> parsed;
  Problems problems;
  for (PolicySet::NamedText& each : fragments) {
    auto source = std::make_shared<const Source>(std::move(each.name), std::move(each.text));
    auto fragment = parse_fragment(source, limits);
    if (fragment) {
      parsed.push_back(std::move(*fragment));
    } else {
      std::ranges::move(fragment.error(), std::back_inserter(problems));
    }
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return resolve_schema(parsed, limits);
}

const EntityTypeInfo* Schema::entity_type(std::string_view name) const {
  auto found = entity_types_.find(name);
  return found == entity_types_.end() ? nullptr : &found->second;
}

const ActionInfo* Schema::action(const EntityUid& uid) const {
  auto found = action_positions_.find(uid);
  return found == action_positions_.end() ? nullptr : &actions_[found->second];
}

bool Schema::is_action_type(std::string_view name) const {
  return action_types_.contains(name);
}

}  // namespace cedar
