#include <utility>

#include "policies/cedar/est_reader.h"
#include "policies/cedar/printer.h"

namespace cedar {
namespace {

using countersign::ErrorKind;
using countersign::fail;
using countersign::Json;

Result<Json> parse(std::string_view text, const EstLimits& limits) {
  // Every value of a chain lies one deeper than the one before, so only the count of values bounds the depth here.
  return countersign::parse_json(text, {.bytes = limits.bytes, .depth = limits.values, .values = limits.values});
}

std::unexpected<countersign::Error> refuse(const std::string& message) {
  return fail(ErrorKind::malformed, "cedar.est.invalid", message);
}

// The policies of a set, in order, until all are read and can be given their places.
class SetReader {
 public:
  SetReader(std::string_view name, const EstLimits& limits) : name_(name), limits_(limits), values_(limits.values) {}

  Result<PolicySet> read(const Json& json) {
    if (!json.is_object()) return refuse("a policy set is an object");
    for (const auto& [key, value] : json.items()) {
      if (key != "staticPolicies" && key != "templates" && key != "templateLinks")
        return refuse("unknown member `" + key + "`");
    }
    if (json.contains("staticPolicies")) {
      if (auto ok = static_policies(json["staticPolicies"]); !ok) return fail(ok.error());
    }
    if (json.contains("templates")) {
      if (!json["templates"].is_object()) return refuse("templates: expected an object");
      for (const auto& [id, policy] : json["templates"].items()) {
        if (auto ok = named(id, policy, "templates", Sort::policy_template); !ok) return fail(ok.error());
      }
    }
    if (auto ok = place(); !ok) return fail(ok.error());
    if (json.contains("templateLinks")) {
      if (auto ok = links(json["templateLinks"]); !ok) return fail(ok.error());
    }
    return std::move(out_);
  }

 private:
  enum class Sort { policy, policy_template };
  struct Read {
    std::string id;
    ast::Policy syntax;
    std::shared_ptr<const Source> source;  // of policies in text
  };

  Status count() {
    if (++count_ > limits_.policies) {
      return fail(ErrorKind::too_large, "cedar.est.too_large",
                  "too many policies: at most " + std::to_string(limits_.policies) + " are allowed");
    }
    return {};
  }

  Status static_policies(const Json& json) {
    if (json.is_string()) {
      auto source = std::make_shared<const Source>(std::string(name_), json.get<std::string>());
      auto policies = texts(source, "staticPolicies");
      if (!policies) return fail(policies.error());
      for (std::size_t i = 0; i < policies->size(); ++i) {
        if ((*policies)[i].is_template()) return refuse("staticPolicies: a template stands among them");
        if (auto ok = count(); !ok) return ok;
        read_.push_back({"policy" + std::to_string(i), std::move((*policies)[i]), source});
      }
      return {};
    }
    if (json.is_array()) {
      for (std::size_t i = 0; i < json.size(); ++i) {
        if (auto ok = named("policy" + std::to_string(i), json[i], "staticPolicies", Sort::policy); !ok) return ok;
      }
      return {};
    }
    if (!json.is_object()) return refuse("staticPolicies: expected text, an array or an object");
    for (const auto& [id, policy] : json.items()) {
      if (auto ok = named(id, policy, "staticPolicies", Sort::policy); !ok) return ok;
    }
    return {};
  }

  Result<std::vector<ast::Policy>> texts(const std::shared_ptr<const Source>& source, const std::string& path) {
    auto parsed =
        parse_policies(source->text(), {.bytes = limits_.bytes, .policies = limits_.policies, .depth = limits_.depth});
    if (!parsed) return refuse(path + ": " + render(parsed.error().front(), *source));
    return std::move(*parsed);
  }

  Status named(const std::string& id, const Json& json, std::string_view where, Sort sort) {
    if (auto ok = count(); !ok) return ok;
    std::string path = std::string(where) + "." + (id.size() <= 100 ? id : id.substr(0, 100));
    Read read{.id = id};
    if (json.is_string()) {
      read.source = std::make_shared<const Source>(std::string(name_) + ":" + id, json.get<std::string>());
      auto policies = texts(read.source, path);
      if (!policies) return fail(policies.error());
      if (policies->size() != 1) return refuse(path + ": expected one policy");
      read.syntax = std::move(policies->front());
    } else {
      auto policy = detail::read_policy(json, path, limits_, values_);
      if (!policy) return fail(policy.error());
      read.syntax = std::move(*policy);
    }
    if (read.syntax.is_template() != (sort == Sort::policy_template))
      return refuse(path + (read.syntax.is_template() ? ": expected a static policy, found a template"
                                                      : ": expected a template, found a static policy"));
    read_.push_back(std::move(read));
    return {};
  }

  // Prints what came in JSON into one text, and adds everything.
  Status place() {
    std::string text;
    for (Read& each : read_) {
      if (each.source) continue;
      print_placed(each.syntax, text);
      text += '\n';
      if (text.size() > limits_.bytes) {
        return fail(ErrorKind::too_large, "cedar.est.too_large",
                    "the policies as text take more than " + std::to_string(limits_.bytes) + " bytes");
      }
    }
    auto printed = std::make_shared<const Source>(std::string(name_), std::move(text));
    for (Read& each : read_) {
      auto source = each.source ? std::move(each.source) : printed;
      if (auto ok = out_.add(std::move(each.id), std::move(source), std::move(each.syntax)); !ok) return ok;
    }
    return {};
  }

  Status links(const Json& json) {
    if (!json.is_array()) return refuse("templateLinks: expected an array");
    for (std::size_t i = 0; i < json.size(); ++i) {
      if (auto ok = count(); !ok) return ok;
      std::string path = "templateLinks[" + std::to_string(i) + "]";
      if (auto ok = link(json[i], path); !ok) return ok;
    }
    return {};
  }

  Status link(const Json& json, const std::string& path) {
    bool well_formed = json.is_object() && json.size() == 3 && json.contains("templateId") &&
                       json["templateId"].is_string() && json.contains("newId") && json["newId"].is_string() &&
                       json.contains("values") && json["values"].is_object();
    if (!well_formed) return refuse(path + ": expected {\"templateId\": …, \"newId\": …, \"values\": {…}}");
    SlotValues values;
    for (const auto& [slot, value] : json["values"].items()) {
      if (slot != "?principal" && slot != "?resource") return refuse(path + ": there is no slot `" + slot + "`");
      auto entity = detail::read_entity(value, path + ".values." + slot);
      if (!entity) return fail(entity.error());
      (slot == "?principal" ? values.principal : values.resource) = EntityUid(entity->type, entity->id);
    }
    auto linked = out_.link(json["templateId"].get<std::string>(), json["newId"].get<std::string>(), std::move(values));
    if (!linked) return fail({linked.error().kind, linked.error().code, path + ": " + linked.error().message});
    return {};
  }

  std::string_view name_;
  EstLimits limits_;
  std::size_t values_;
  std::size_t count_ = 0;
  std::vector<Read> read_;
  PolicySet out_;
};

}  // namespace

Result<ast::Policy> read_policy_json(std::string_view text, const EstLimits& limits) {
  auto json = parse(text, limits);
  if (!json) return fail(json.error());
  std::size_t values = limits.values;
  return detail::read_policy(*json, "", limits, values);
}

Result<PolicySet> read_policy_set_json(std::string_view text, std::string_view name, const EstLimits& limits) {
  auto json = parse(text, limits);
  if (!json) return fail(json.error());
  return SetReader(name, limits).read(*json);
}

}  // namespace cedar
