#include "proxy/adapters/documentation.h"

#include <array>
#include <functional>
#include <string_view>

#include "core/json.h"

namespace countersign::adapters {
namespace {

constexpr std::array<std::string_view, 3> kFields{"intent", "ticket", "rollback"};
constexpr std::string_view kUpdated = "; updated=";

Json reference(std::string_view text) {
  const std::size_t date = text.rfind(kUpdated);
  if (date == std::string_view::npos) return {{"url", text}};
  return {{"url", text.substr(0, date)}, {"updated", text.substr(date + kUpdated.size())}};
}

// `find` calls back with every value given under a name, in order.
using Found = std::function<void(std::string_view)>;
std::string collect(const std::function<void(std::string_view name, const Found& found)>& find) {
  Json out = Json::object();
  for (std::string_view name : kFields) {
    find(name, [&](std::string_view value) {
      if (!out.contains(name)) out[std::string(name)] = value;
    });
  }
  Json references = Json::array();
  find("reference", [&](std::string_view value) { references.push_back(reference(value)); });
  if (!references.empty()) out["references"] = std::move(references);
  // Bytes that are not UTF-8 are shown to people as such, and never stop the request that carries them.
  return out.empty() ? std::string() : out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string documentation_in_fields(const HeaderList& headers) {
  return collect([&](std::string_view name, const Found& found) {
    for (const HeaderField& field : headers.fields()) {
      if (equal_ignoring_case(field.name, "Countersign-" + std::string(name))) found(field.value);
    }
  });
}

std::string documentation_in_options(std::span<const std::string> options) {
  return collect([&](std::string_view name, const Found& found) {
    const std::string prefix = "countersign." + std::string(name) + "=";
    for (const std::string& option : options) {
      if (option.starts_with(prefix)) found(std::string_view(option).substr(prefix.size()));
    }
  });
}

}  // namespace countersign::adapters
