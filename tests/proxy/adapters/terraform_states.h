// States and locks as Terraform writes them, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace countersign::adapters::test {

struct Tracked {
  std::string address;  // "aws_s3_bucket.logs", with "module.net." before it, and "[0]" or "[\"eu\"]" behind
  std::string id = {};
};

inline std::string instance_json(const std::string& index, const std::string& id) {
  std::string out = "{";
  if (!index.empty()) out += "\"index_key\":" + index + ",";
  out += R"("schema_version":0,"attributes":{"password":"hunter2-in-clear")";
  if (!id.empty()) out += R"(,"id":")" + id + "\"";
  return out + "}}";
}

// One resource object for each instance but those that share an address go together, as Terraform writes them.
inline std::string state_json(std::int64_t serial, const std::vector<Tracked>& tracked,
                              const std::string& lineage = "c9d4d8a6-343d-e9aa-0e22-b064af4ebdda") {
  std::string resources;
  for (std::size_t i = 0; i < tracked.size();) {
    std::string address = tracked[i].address.substr(0, tracked[i].address.find('['));
    std::string instances;
    for (; i < tracked.size() && tracked[i].address.substr(0, tracked[i].address.find('[')) == address; ++i) {
      const std::size_t open = tracked[i].address.find('[');
      std::string index;
      if (open != std::string::npos) index = tracked[i].address.substr(open + 1, tracked[i].address.size() - open - 2);
      instances += (instances.empty() ? "" : ",") + instance_json(index, tracked[i].id);
    }
    std::string module;
    if (address.starts_with("module.")) {
      const std::size_t end = address.find('.', 7);
      module = address.substr(0, end);
      address = address.substr(end + 1);
    }
    const std::size_t dot = address.find('.');
    resources += resources.empty() ? "{" : ",{";
    if (!module.empty()) resources += R"("module":")" + module + "\",";
    resources += R"("mode":"managed","type":")" + address.substr(0, dot) + R"(","name":")" + address.substr(dot + 1) +
                 R"(","provider":"provider[\"x\"]","instances":[)" + instances + "]}";
  }
  return R"({"version":4,"terraform_version":"1.11.4","serial":)" + std::to_string(serial) + R"(,"lineage":")" +
         lineage + R"(","outputs":{},"resources":[)" + resources + R"(],"check_results":null})";
}

inline std::string lock_json(const std::string& id, const std::string& operation = "OperationTypeApply") {
  return R"({"ID":")" + id + R"(","Operation":")" + operation +
         R"(","Info":"","Who":"root@vm","Version":"1.11.4","Created":"2026-11-22T02:13:12.742169542Z","Path":""})";
}

}  // namespace countersign::adapters::test
