#include "scopes/catalogue/aws_catalogue.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scopes/catalogue/aws_embedded.h"
#include "scopes/catalogue/aws_tables.h"

namespace countersign {
namespace {

template <class T>
const T* find_by_name(std::span<const T> sorted, std::string_view T::* name, std::string_view wanted) {
  auto found = std::ranges::lower_bound(sorted, wanted, {}, name);
  return found != sorted.end() && (*found).*name == wanted ? &*found : nullptr;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool less_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

using Services = std::vector<const AwsService*>;
using Operations = std::vector<const AwsOperation*>;

Services sorted_services(std::span<const AwsService> all, std::string_view AwsService::* name) {
  Services out;
  for (const AwsService& one : all) out.push_back(&one);
  std::ranges::sort(out, {}, [name](const AwsService* one) { return std::pair(one->*name, one->key); });
  return out;
}

std::span<const AwsService* const> services_with(const Services& sorted, std::string_view AwsService::* name,
                                                 std::string_view wanted) {
  return std::ranges::equal_range(sorted, wanted, {}, [name](const AwsService* one) { return one->*name; });
}

std::pair<std::string_view, std::string_view> policy_name(const AwsOperation* one) {
  return {one->service->iam_prefix, one->name};
}

}  // namespace

struct AwsCatalogue::Tables : AwsTables {
  Services by_signing_name, by_endpoint_prefix, by_iam_prefix;
  Operations by_policy_name;
  // Beside each other: the action, and the operation that needs it.
  std::vector<std::string_view> actions;
  Operations by_action;

  void index() {
    by_signing_name = sorted_services(services, &AwsService::signing_name);
    by_endpoint_prefix = sorted_services(services, &AwsService::endpoint_prefix);
    by_iam_prefix = sorted_services(services, &AwsService::iam_prefix);
    index_policy_names();
    index_actions();
  }

 private:
  // Operations are in order within their service: only services that share a prefix are to be sorted together.
  void index_policy_names() {
    by_policy_name.reserve(operations);
    std::size_t from = 0;
    for (std::size_t i = 0; i < by_iam_prefix.size(); ++i) {
      const AwsService& service = *by_iam_prefix[i];
      bool shared = i > 0 && by_iam_prefix[i - 1]->iam_prefix == service.iam_prefix;
      if (!shared) from = by_policy_name.size();
      for (const AwsOperation& operation : service.operations) by_policy_name.push_back(&operation);
      if (shared)
        std::sort(by_policy_name.begin() + static_cast<std::ptrdiff_t>(from), by_policy_name.end(), by_name_and_key);
    }
  }

  void index_actions() {
    struct Need {
      std::string_view action;
      const AwsOperation* operation;
      bool operator<(const Need& other) const {
        if (less_ignoring_case(action, other.action)) return true;
        return !less_ignoring_case(other.action, action) && by_key_and_name(operation, other.operation);
      }
    };
    std::map<std::string_view, std::vector<Need>> by_prefix;
    for (const AwsService& service : services)
      for (const AwsOperation& operation : service.operations)
        for (std::string_view action : operation.iam_actions)
          by_prefix[action.substr(0, action.find(':') + 1)].push_back({action, &operation});
    for (auto& [prefix, needs] : by_prefix) {
      if (!std::ranges::is_sorted(needs, std::less())) std::ranges::sort(needs, std::less());
      for (const Need& need : needs) {
        actions.push_back(need.action);
        by_action.push_back(need.operation);
      }
    }
  }

  static bool by_name_and_key(const AwsOperation* a, const AwsOperation* b) {
    return std::pair(a->name, a->service->key) < std::pair(b->name, b->service->key);
  }
  static bool by_key_and_name(const AwsOperation* a, const AwsOperation* b) {
    return std::pair(a->service->key, a->name) < std::pair(b->service->key, b->name);
  }
};

AwsCatalogue::AwsCatalogue(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
AwsCatalogue::AwsCatalogue(AwsCatalogue&&) noexcept = default;
AwsCatalogue& AwsCatalogue::operator=(AwsCatalogue&&) noexcept = default;
AwsCatalogue::~AwsCatalogue() = default;

const AwsCatalogue& AwsCatalogue::embedded() {
  // A program whose own table cannot be read was damaged after it was built: nothing it decides could be trusted.
  static const AwsCatalogue the_one = [] {
    Result<AwsCatalogue> read = unpack(embedded_aws_tables());
    if (!read) std::abort();
    return *std::move(read);
  }();
  return the_one;
}

Result<AwsCatalogue> AwsCatalogue::unpack(std::string_view packed) {
  Result<std::string> tables = unpack_aws_tables(packed);
  if (!tables) return fail(tables.error());
  return parse(*std::move(tables));
}

Result<AwsCatalogue> AwsCatalogue::parse(std::string bytes) {
  auto tables = std::make_unique<Tables>();
  Status read = read_aws_tables(bytes, *tables);
  if (!read) return fail(read.error());
  tables->index();
  return AwsCatalogue(std::move(tables));
}

std::span<const AwsService> AwsCatalogue::services() const {
  return tables_->services;
}

const AwsService* AwsCatalogue::by_key(std::string_view key) const {
  return find_by_name(tables_->services, &AwsService::key, key);
}

std::span<const AwsService* const> AwsCatalogue::by_signing_name(std::string_view name) const {
  return services_with(tables_->by_signing_name, &AwsService::signing_name, name);
}

std::span<const AwsService* const> AwsCatalogue::by_endpoint_prefix(std::string_view prefix) const {
  return services_with(tables_->by_endpoint_prefix, &AwsService::endpoint_prefix, prefix);
}

std::span<const AwsService* const> AwsCatalogue::by_iam_prefix(std::string_view prefix) const {
  return services_with(tables_->by_iam_prefix, &AwsService::iam_prefix, prefix);
}

const AwsOperation* AwsCatalogue::find(std::string_view service_key, std::string_view operation) const {
  const AwsService* service = by_key(service_key);
  return service ? service->find(operation) : nullptr;
}

std::span<const AwsOperation* const> AwsCatalogue::named(std::string_view iam_prefix,
                                                         std::string_view operation) const {
  return std::ranges::equal_range(tables_->by_policy_name, std::pair(iam_prefix, operation), {}, policy_name);
}

std::span<const AwsOperation* const> AwsCatalogue::by_iam_action(std::string_view action) const {
  auto found = std::ranges::equal_range(tables_->actions, action, less_ignoring_case);
  auto from = static_cast<std::size_t>(found.begin() - tables_->actions.begin());
  return std::span(tables_->by_action).subspan(from, found.size());
}

AwsCatalogue::Size AwsCatalogue::size() const {
  const Tables& all = *tables_;
  std::size_t indices = (all.by_policy_name.size() + all.by_action.size()) * sizeof(const AwsOperation*) +
                        all.actions.size() * sizeof(std::string_view) +
                        3 * all.services.size() * sizeof(const AwsService*);
  return {.services = all.services.size(),
          .operations = all.operations,
          .shapes = all.shapes,
          .members = all.members,
          .bytes = all.bytes + all.texts.size() + indices};
}

std::string_view AwsCatalogue::sources() const {
  return tables_->sources;
}

const AwsMember* AwsShape::find(std::string_view wanted) const {
  return find_by_name(members, &AwsMember::name, wanted);
}

const AwsOperation* AwsService::find(std::string_view operation) const {
  return find_by_name(operations, &AwsOperation::name, operation);
}

}  // namespace countersign
