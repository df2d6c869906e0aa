// How the names of a plan meet the names of things that a request touches: ARNs, their parts, and what plans call them.
//
// What is looked up often is read once (Thing), and what is compared is counted (Work), so that no plan and no request
// make the comparison of the two long. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "approvals/terraform_types.h"
#include "scopes/effect.h"

namespace countersign::approvals {

// Comparisons of a name, or of a change, with a thing. Over the limit nothing that was found out counts.
struct Work {
  std::size_t most;
  std::size_t done = 0;

  void add(std::size_t more = 1) { done += more; }
  [[nodiscard]] bool over() const { return done > most; }
};

// "arn:aws:rds:eu-central-1:123456789012:db:orders" in its parts.
struct Arn {
  std::string_view service, region, account, rest;
};
[[nodiscard]] std::optional<Arn> read_arn(std::string_view text);

// What a request touches, or names in a parameter. Points into the text it was read from.
struct Thing {
  std::string_view text;
  Effect effect = Effect::read;
  std::optional<Arn> arn;
  std::string_view kind;                // of the ARN: "db"
  std::string plain_kind;               // in lower case, without "-"
  std::vector<std::string_view> names;  // of the ARN: those under which plans may know it, each the whole of a name

  [[nodiscard]] bool names_nothing() const { return !arn || names.empty(); }
};
[[nodiscard]] Thing read_thing(std::string_view text, Effect effect = Effect::read);

[[nodiscard]] std::string lower(std::string_view text);
// Whether a sorted list has the word.
[[nodiscard]] bool holds(const std::vector<std::string>& sorted, std::string_view word);

// Whether one of `names` (sorted; of one side of a change, which its ARN places) is the thing's.
[[nodiscard]] bool is_named(const std::vector<std::string>& names, std::string_view region, const Thing& asked,
                            Work& work);
// The same for what belongs to others: their ARNs place nothing.
[[nodiscard]] bool is_related(const std::vector<std::string>& names, std::string_view region, const Thing& asked,
                              Work& work);

[[nodiscard]] bool is_learned(const std::set<std::string, std::less<>>& learned, const Thing& thing);
// Whether an ARN's kind is what the type makes: "security-group/…" of aws_security_group, "db:…" of aws_db_instance.
[[nodiscard]] bool is_kind_of(const TerraformType& type, const Thing& thing);

// Keys under which names are indexed: where no key of a thing is a key of a name, neither function above finds that
// name. A key that two share means nothing.
[[nodiscard]] std::uint64_t key_of(std::string_view service, std::string_view name);
void add_keys_of_name(std::string_view service, std::string_view name, std::vector<std::uint64_t>& out);
void add_keys_of_thing(std::string_view service, const Thing& thing, std::vector<std::uint64_t>& out);

}  // namespace countersign::approvals
