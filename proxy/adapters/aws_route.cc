#include "proxy/adapters/aws_route.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "proxy/adapters/aws_parameters.h"

namespace countersign::adapters {
namespace {

using Kind = AwsSegment::Kind;

std::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::malformed, "aws.malformed", "the path " + std::string(why));
}

std::unexpected<Error> unknown(std::string why) {
  return fail(ErrorKind::malformed, "aws.unknown_operation", std::move(why));
}

Status check_bytes(std::string_view path) {
  if (!path.starts_with('/')) return malformed("does not begin with '/'");
  if (path.size() > kAwsPathBytes) return malformed("is too long");
  bool plain =
      std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7F && c != '\\' && c != '#' && c != '?'; });
  return plain ? Status() : malformed("has a character that must be percent-encoded");
}

bool is_dots(std::string_view segment) {
  return segment == "." || segment == "..";
}

AwsPath split(std::string_view text) {
  AwsPath out;
  for (;;) {
    std::size_t slash = text.find('/');
    out.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    text.remove_prefix(slash + 1);
  }
}

bool is_bucket_name(std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_';
  };
  return name.size() >= 3 && name.size() <= 255 && std::ranges::all_of(name, fits) && name.front() != '.' &&
         name.find("..") == std::string_view::npos;
}

// The template's segments, or one empty literal for "/".
std::span<const AwsSegment> segments_of(const AwsOperation& operation) {
  static constexpr AwsSegment kRoot{};
  return operation.segments.empty() ? std::span<const AwsSegment>(&kRoot, 1) : operation.segments;
}

bool fits(std::span<const AwsSegment> pattern, const AwsPath& path) {
  if (pattern.size() > path.size()) return false;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (at >= path.size()) return false;
    if (pattern[i].kind == Kind::greedy) {
      std::size_t after = pattern.size() - i - 1;
      if (path.size() - at < after + 1) return false;
      std::size_t end = path.size() - after;
      if (path[end - 1].empty()) return false;
      at = end;
      continue;
    }
    if (pattern[i].kind == Kind::literal ? pattern[i].text != path[at] : path[at].empty()) return false;
    ++at;
  }
  return at == path.size();
}

// Earlier segments count more, a literal more than a label, a label more than a greedy one. Negative: `a` is closer.
int compare(std::span<const AwsSegment> a, std::span<const AwsSegment> b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].kind != b[i].kind) return a[i].kind < b[i].kind ? -1 : 1;
  }
  // Of two that both fit, only what follows a greedy one can be longer.
  return a.size() == b.size() ? 0 : a.size() > b.size() ? -1 : 1;
}

// The operations whose template is closest to the path, all of one form.
std::vector<const AwsOperation*> closest(const AwsService& service, std::string_view method, const AwsPath& path) {
  std::vector<const AwsOperation*> out;
  for (const AwsOperation& each : service.operations) {
    if (each.method != method || !fits(segments_of(each), path)) continue;
    int order = out.empty() ? 0 : compare(segments_of(each), segments_of(*out.front()));
    if (order > 0) continue;
    if (order < 0) out.clear();
    out.push_back(&each);
  }
  return out;
}

class Query {
 public:
  explicit Query(const std::pmr::vector<AwsPair>& pairs) : pairs_(pairs) {}

  [[nodiscard]] std::size_t count(std::string_view key) const {
    return static_cast<std::size_t>(std::ranges::count(pairs_, key, &AwsPair::key));
  }
  [[nodiscard]] const AwsPair* find(std::string_view key) const {
    auto found = std::ranges::find(pairs_, key, &AwsPair::key);
    return found == pairs_.end() ? nullptr : &*found;
  }
  [[nodiscard]] const std::pmr::vector<AwsPair>& pairs() const { return pairs_; }

 private:
  const std::pmr::vector<AwsPair>& pairs_;
};

bool has_literal(const AwsOperation& operation, std::string_view key) {
  return std::ranges::any_of(operation.literals, [&](const AwsQueryLiteral& each) { return each.key == key; });
}

bool literals_hold(const AwsOperation& operation, const Query& query) {
  return std::ranges::all_of(operation.literals, [&](const AwsQueryLiteral& each) {
    const AwsPair* pair = query.find(each.key);
    return pair && (!each.value || pair->value == *each.value);
  });
}

bool is_there(const AwsMember& member, const Query& query, const HeaderList& headers) {
  if (member.location == AwsLocation::query) return query.count(member.wire_name) > 0;
  if (member.location == AwsLocation::header)
    return headers.count(member.wire_name) > 0 || query.count(member.wire_name) > 0;
  return true;
}

// What tells an operation from others of its template: keys and headers it demands.
std::set<std::string_view> demands(const AwsOperation& operation) {
  std::set<std::string_view> out;
  for (const AwsQueryLiteral& each : operation.literals) out.insert(each.key);
  for (const AwsMember* each : operation.required) out.insert(each->wire_name);
  return out;
}

bool models(const AwsOperation& operation, std::string_view key) {
  if (!operation.input) return false;
  return std::ranges::any_of(operation.input->members, [&](const AwsMember& each) {
    if (each.location == AwsLocation::query) return each.wire_name == key || each.shape->type == AwsType::map;
    // Headers of a presigned request may stand in its query.
    if (each.location == AwsLocation::header) return key.starts_with("x-amz-") && each.wire_name == key;
    return each.location == AwsLocation::headers && key.size() > each.wire_name.size() &&
           key.starts_with(each.wire_name);
  });
}

// The keys that this operation leaves unexplained.
std::vector<std::string_view> unexplained(const AwsOperation& operation, const Query& query) {
  std::vector<std::string_view> out;
  for (const AwsPair& pair : query.pairs()) {
    if (is_signature_key(pair.key) || pair.key == "x-id") continue;
    if (!has_literal(operation, pair.key) && !models(operation, pair.key)) out.push_back(pair.key);
  }
  return out;
}

AwsMatch match_of(const AwsOperation& operation, const AwsService& service, const AwsPath& path) {
  AwsMatch out{
      .operation = &operation,
      .protocol = service.protocols.contains(AwsProtocol::rest_xml) ? AwsProtocol::rest_xml : AwsProtocol::rest_json,
      .labels = {}};
  auto pattern = segments_of(operation);
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    std::size_t end = pattern[i].kind == Kind::greedy ? path.size() - (pattern.size() - i - 1) : at + 1;
    if (pattern[i].kind != Kind::literal) {
      const char* begin = path[at].data();
      out.labels.emplace_back(
          pattern[i].text,
          std::string_view(begin, static_cast<std::size_t>(path[end - 1].data() - begin) + path[end - 1].size()));
    }
    at = end;
  }
  return out;
}

// The path as an upstream that decodes before it routes would see it: nullopt when that is the same.
std::optional<std::string> other_reading(std::string_view path) {
  if (path.find('%') == std::string_view::npos) return std::nullopt;
  Result<std::string> decoded = decode_aws_percent(path, AwsPlus::literal);
  if (!decoded) return std::nullopt;
  std::string out;
  for (char c : *decoded) {
    if (c != '/' || !out.ends_with('/')) out += c;
  }
  return out;
}

}  // namespace

Result<AwsPath> read_aws_path(std::string_view path) {
  if (Status plain = check_bytes(path); !plain) return fail(plain.error());
  AwsPath out = split(path.substr(1));
  if (out.size() > kAwsPathSegments) return malformed("has too many segments");
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].empty() && i + 1 < out.size()) return malformed("has an empty segment");
    Result<std::string> decoded = decode_aws_percent(out[i], AwsPlus::literal);
    if (!decoded) return fail(decoded.error());
    if (std::ranges::any_of(split(*decoded), is_dots)) return malformed("has a dot segment");
    if (std::ranges::any_of(*decoded,
                            [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\'; }))
      return malformed("has an encoded control character or backslash");
  }
  return out;
}

Result<AwsPath> read_s3_path(std::string_view path, std::string_view bucket) {
  if (Status plain = check_bytes(path); !plain) return fail(plain.error());
  std::string_view rest = path.substr(1);
  AwsPath out;
  if (bucket.empty()) {
    std::size_t slash = std::min(rest.find('/'), rest.size());
    out.push_back(rest.substr(0, slash));
    if (rest.empty()) return out;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  } else {
    out.push_back(bucket);
  }
  if (!is_bucket_name(out.front())) return malformed("names no bucket");
  if (rest.empty()) return out;
  Result<std::string> key = decode_aws_percent(rest, AwsPlus::literal);
  if (!key) return fail(key.error());
  int depth = 0;
  for (std::string_view each : split(*key)) {
    if (!each.empty() && each != ".") depth += each == ".." ? -1 : 1;
    if (depth < 0) return malformed("leads out of its bucket");
  }
  out.push_back(rest);
  return out;
}

std::string_view bucket_of_host(std::string_view host, std::string_view own_host) {
  host = host.substr(0, host.find(':'));
  if (!own_host.empty() && host.size() > own_host.size() + 1 && host[host.size() - own_host.size() - 1] == '.' &&
      equal_ignoring_case(host.substr(host.size() - own_host.size()), own_host))
    return host.substr(0, host.size() - own_host.size() - 1);
  for (std::string_view suffix : {".amazonaws.com", ".amazonaws.com.cn"}) {
    if (!host.ends_with(suffix)) continue;
    std::string_view rest = host.substr(0, host.size() - suffix.size());
    auto last = [&] { return rest.substr(rest.rfind('.') == std::string_view::npos ? 0 : rest.rfind('.') + 1); };
    auto drop = [&] {
      rest = rest.rfind('.') == std::string_view::npos ? std::string_view() : rest.substr(0, rest.rfind('.'));
    };
    bool region = last().find('-') != std::string_view::npos && last().back() >= '0' && last().back() <= '9' &&
                  !last().starts_with("s3");
    if (region) drop();
    if (last() == "dualstack") drop();
    bool s3 = last() == "s3" || last() == "s3-fips" || last() == "s3-accelerate" || last().starts_with("s3-us-") ||
              last().starts_with("s3-eu-") || last().starts_with("s3-ap-") || last().starts_with("s3-sa-");
    if (!s3) return {};
    drop();
    return rest;
  }
  return {};
}

bool is_host_of(const AwsService& service, std::string_view host) {
  host = host.substr(0, host.find(':'));
  if (host.find(".amazonaws.com") == std::string_view::npos && !host.ends_with(".api.aws")) return false;
  std::string_view prefix = service.endpoint_prefix;
  for (std::size_t at = host.find(prefix); at != std::string_view::npos; at = host.find(prefix, at + 1)) {
    std::string_view after = host.substr(at + prefix.size());
    if ((at == 0 || host[at - 1] == '.') && (after.starts_with('.') || after.starts_with("-fips."))) return true;
  }
  return false;
}

Result<std::vector<AwsMatch>> route_aws(const AwsService& service, const AwsWire& wire, const AwsPath& path,
                                        const std::pmr::vector<AwsPair>& pairs, AwsKeys keys, AwsSlash slash) {
  std::vector<AwsMatch> out;
  AwsPath taken = path;
  std::vector<const AwsOperation*> group = closest(service, wire.method, taken);
  if (group.empty() && slash == AwsSlash::either && taken.size() > 1) {
    if (taken.back().empty())
      taken.pop_back();
    else
      taken.push_back(taken.back().substr(taken.back().size()));
    group = closest(service, wire.method, taken);
  }
  if (group.empty()) return out;
  Query query(pairs);
  std::set<std::string_view> telling;
  for (const AwsOperation* each : group) telling.merge(demands(*each));

  std::vector<const AwsOperation*> candidates;
  std::vector<const AwsOperation*> incomplete;  // a demanded parameter is missing: the upstream will say so
  for (const AwsOperation* each : group) {
    if (!literals_hold(*each, query)) continue;
    auto left = unexplained(*each, query);
    bool another = std::ranges::any_of(left, [&](std::string_view key) { return telling.contains(key); });
    if (another || (keys == AwsKeys::known_only && !left.empty())) continue;
    bool whole = std::ranges::all_of(each->required,
                                     [&](const AwsMember* member) { return is_there(*member, query, *wire.headers); });
    (whole ? candidates : incomplete).push_back(each);
  }
  if (candidates.empty()) candidates = std::move(incomplete);
  if (candidates.empty()) {
    auto named = static_cast<std::size_t>(std::ranges::count_if(
        pairs, [&](const AwsPair& pair) { return telling.contains(pair.key) && !is_signature_key(pair.key); }));
    if (named > 1) {
      return fail(ErrorKind::malformed, "aws.ambiguous",
                  "the query names more than one operation of " + std::string(service.key) + " on this path");
    }
    return unknown("no operation of " + std::string(service.key) + " has this method, path and query");
  }
  // The one that demands most, if it demands all that the others do.
  std::vector<const AwsOperation*> best;
  for (const AwsOperation* each : candidates) {
    std::set<std::string_view> own = demands(*each);
    bool covers = std::ranges::all_of(
        candidates, [&](const AwsOperation* other) { return std::ranges::includes(own, demands(*other)); });
    if (covers) best.push_back(each);
  }
  if (best.empty()) {
    return fail(ErrorKind::malformed, "aws.ambiguous",
                "the request fits " + std::string(candidates[0]->name) + " and " + std::string(candidates[1]->name));
  }
  for (const AwsQueryLiteral& each : best.front()->literals) {
    if (query.count(each.key) > 1)
      return fail(ErrorKind::malformed, "aws.contradictory", "the query repeats " + std::string(each.key));
  }
  for (const AwsMember* each : best.front()->required) {
    if (each->location == AwsLocation::query && each->shape->type != AwsType::list &&
        each->shape->type != AwsType::map && query.count(each->wire_name) > 1)
      return fail(ErrorKind::malformed, "aws.contradictory", "the query repeats " + std::string(each->wire_name));
  }
  if (keys == AwsKeys::any) {
    if (auto decoded = other_reading(wire.path)) {
      auto others = closest(service, wire.method, split(std::string_view(*decoded).substr(1)));
      bool same = others.empty() || segments_of(*others.front()).data() == segments_of(*group.front()).data();
      if (!same) {
        return fail(ErrorKind::malformed, "aws.ambiguous",
                    "the path names another operation when it is decoded first: " + std::string(others.front()->name));
      }
    }
  }
  for (const AwsOperation* each : best) out.push_back(match_of(*each, service, taken));
  return out;
}

}  // namespace countersign::adapters
