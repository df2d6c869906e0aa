// Percent-encoding as AWS signatures want it (RFC 3986 section 2.1 with upper-case digits). Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace countersign::auth {

// Appends `text` with every byte encoded but A-Z a-z 0-9 - . _ ~ and those in `also_plain`.
void append_uri_encoded(std::string& out, std::string_view text, std::string_view also_plain = {});

struct QueryPair {
  std::string name;   // decoded
  std::string value;  // decoded; empty without '='
};
// Every pair between '&' that is not empty, in order. A '+' is a plus sign. sigv4.malformed: a '%' without two
// hexadecimal digits, or more than kMaxQueryParameters pairs.
[[nodiscard]] Result<std::vector<QueryPair>> parse_query(std::string_view query);

// The parameter of the query form that `name` is, in AWS's spelling ("X-Amz-Signature"); empty: none of them. Upper and
// lower case are the same here.
[[nodiscard]] std::string_view sigv4_parameter(std::string_view name);

}  // namespace countersign::auth
