#include "approvals/plan_names.h"

#include <algorithm>
#include <array>
#include <ranges>

namespace countersign::approvals {
namespace {

std::string_view kind_of(std::string_view rest) {
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const std::size_t end = rest.find_first_of(":/");
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

// Names under which plans may know what an ARN's last part names. Each is the whole of a name.
std::vector<std::string_view> names_of(const Arn& arn) {
  std::string_view rest = arn.rest;
  if (rest.ends_with(":*")) rest.remove_suffix(2);
  if (arn.service == "s3") return {rest};  // a bucket, or bucket/key
  std::vector<std::string_view> out{rest};
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (const std::size_t end = rest.find_first_of(":/"); end != std::string_view::npos && !rest.starts_with("http"))
    out.push_back(rest.substr(end + 1));
  constexpr std::string_view kGroup = "autoScalingGroupName/";
  if (const std::size_t at = rest.find(kGroup); arn.service == "autoscaling" && at != std::string_view::npos)
    out.push_back(rest.substr(at + kGroup.size()));
  std::erase_if(out, [](std::string_view name) { return name.empty() || name.find('*') != std::string_view::npos; });
  return out;
}

// A request that names no region or account may mean ours.
bool agree(std::string_view planned, std::string_view asked) {
  return planned.empty() || asked.empty() || asked == "*" || planned == asked;
}

// Part by part, where the request's may be unknown: "autoScalingGroup:*:autoScalingGroupName/a".
bool same_rest(std::string_view planned, std::string_view asked) {
  if (asked.ends_with('*')) return false;
  for (;;) {
    const std::size_t a = std::min(planned.find(':'), planned.size());
    const std::size_t b = std::min(asked.find(':'), asked.size());
    const std::string_view one = asked.substr(0, b);
    if (one != "*" && one != planned.substr(0, a)) return false;
    if (a == planned.size() || b == asked.size()) return a == planned.size() && b == asked.size();
    planned.remove_prefix(a + 1);
    asked.remove_prefix(b + 1);
  }
}

// Those of a sorted list that begin as ARNs do.
auto arns_of(const std::vector<std::string>& sorted) {
  return std::ranges::subrange(std::ranges::lower_bound(sorted, std::string_view("arn:")),
                               std::ranges::lower_bound(sorted, std::string_view("arn;")));
}

std::string_view last_part(std::string_view rest) {
  return rest.substr(rest.rfind(':') + 1);  // npos + 1 is 0
}

std::uint64_t mix(std::uint64_t a, std::string_view text) {
  return (a ^ std::hash<std::string_view>{}(text)) * 0x9E3779B97F4A7C15U;
}

std::uint64_t key_of_arn(std::string_view service, const Arn& arn) {
  return mix(mix(mix(1, service), arn.service), last_part(arn.rest));
}

}  // namespace

std::optional<Arn> read_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn") return std::nullopt;
  return Arn{parts[2], parts[3], parts[4], text};
}

Thing read_thing(std::string_view text, Effect effect) {
  Thing out{.text = text, .effect = effect, .arn = read_arn(text), .kind = {}, .plain_kind = {}, .names = {}};
  if (!out.arn) return out;
  out.kind = kind_of(out.arn->rest);
  out.plain_kind = lower(out.kind);
  std::erase(out.plain_kind, '-');
  out.names = names_of(*out.arn);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool holds(const std::vector<std::string>& sorted, std::string_view word) {
  return std::ranges::binary_search(sorted, word);
}

bool is_named(const std::vector<std::string>& names, std::string_view region, const Thing& asked, Work& work) {
  work.add();
  if (!asked.arn) return holds(names, asked.text);
  if (!agree(region, asked.arn->region)) return false;
  std::optional<Arn> placed;
  for (const std::string& name : arns_of(names)) {
    work.add();
    const std::optional<Arn> planned = read_arn(name);
    if (!planned || planned->service != asked.arn->service) continue;
    const bool here = agree(planned->region, asked.arn->region) && agree(planned->account, asked.arn->account);
    if (here && same_rest(planned->rest, asked.arn->rest)) return true;
    placed = planned;
  }
  if (!std::ranges::any_of(asked.names, [&](std::string_view name) { return holds(names, name); })) return false;
  // Two kinds of things may have one name, and one name may be in two regions: the ARN tells them apart.
  if (!placed) return true;
  const std::string_view kind = kind_of(placed->rest);
  const bool same_kind = asked.kind.empty() || asked.kind == "*" || kind.empty() || asked.kind == kind;
  return same_kind && agree(placed->region, asked.arn->region) && agree(placed->account, asked.arn->account);
}

bool is_related(const std::vector<std::string>& names, std::string_view region, const Thing& asked, Work& work) {
  work.add();
  if (!asked.arn) return holds(names, asked.text);
  const bool is_ours = agree(region, asked.arn->region);
  if (is_ours &&
      std::ranges::any_of(asked.names, [&](std::string_view name) { return holds(names, name) && !read_arn(name); }))
    return true;
  return std::ranges::any_of(arns_of(names), [&](const std::string& name) {
    work.add();
    const std::optional<Arn> planned = read_arn(name);
    return planned && planned->service == asked.arn->service && agree(planned->region, asked.arn->region) &&
           agree(planned->account, asked.arn->account) && same_rest(planned->rest, asked.arn->rest);
  });
}

bool is_learned(const std::set<std::string, std::less<>>& learned, const Thing& thing) {
  return learned.contains(thing.text) ||
         std::ranges::any_of(thing.names, [&](std::string_view name) { return learned.contains(name); });
}

bool is_kind_of(const TerraformType& type, const Thing& thing) {
  if (!thing.arn || thing.arn->service != type.service) return false;
  const std::string& kind = thing.plain_kind;
  if (kind.empty() || kind == "*" || kind.starts_with("http")) return true;
  return std::ranges::any_of(type.nouns, [&](const std::string& noun) {
    return kind == noun || (kind.size() == noun.size() + 1 && kind.ends_with('s') && kind.starts_with(noun)) ||
           (kind.size() > 1 && (noun.starts_with(kind) || noun.ends_with(kind)));
  });
}

std::uint64_t key_of(std::string_view service, std::string_view name) {
  return mix(mix(0, service), name);
}

void add_keys_of_name(std::string_view service, std::string_view name, std::vector<std::uint64_t>& out) {
  out.push_back(key_of(service, name));
  if (const std::optional<Arn> arn = read_arn(name)) out.push_back(key_of_arn(service, *arn));
}

void add_keys_of_thing(std::string_view service, const Thing& thing, std::vector<std::uint64_t>& out) {
  if (!thing.arn) {
    out.push_back(key_of(service, thing.text));
    return;
  }
  for (std::string_view name : thing.names) out.push_back(key_of(service, name));
  out.push_back(key_of_arn(service, *thing.arn));
}

}  // namespace countersign::approvals
