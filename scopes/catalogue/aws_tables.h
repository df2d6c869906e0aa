// The form in which the catalogue lies in the program: docs/formats/aws-tables.md. Written by
// scripts/catalogue/tables.py.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign {

inline constexpr std::size_t kMaxAwsTablesBytes = std::size_t{16} << 20U;

// What was read; owns all that the views in it point to. Stays where it is.
struct AwsTables {
  AwsTables() = default;
  AwsTables(const AwsTables&) = delete;
  AwsTables& operator=(const AwsTables&) = delete;

  std::string texts;  // the table of texts, back to back
  std::pmr::monotonic_buffer_resource memory;
  std::span<const AwsService> services;
  std::string_view sources;
  std::size_t operations = 0;
  std::size_t shapes = 0;
  std::size_t members = 0;
  std::size_t bytes = 0;  // taken from `memory`
};

// Fills `out`, which is fresh. Everything is checked, and read once: counts against the bytes left, indices against
// their tables, order, and that nothing is left over. Error: aws_catalogue.malformed; `out` is then of no use.
[[nodiscard]] Status read_aws_tables(std::string_view bytes, AwsTables& out);

// gzip, one member and nothing after it. Errors: aws_catalogue.malformed, aws_catalogue.too_large.
[[nodiscard]] Result<std::string> unpack_aws_tables(std::string_view packed);

}  // namespace countersign
