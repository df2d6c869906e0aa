// Parameters of an HTTP request that its method and meaning may hang on: the query, and fields named `_method` with
// which frameworks let a form ask for another method. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/http_head.h"
#include "core/result.h"

namespace countersign::adapters {

inline constexpr std::size_t kMaxParameters = 512;

// How a form body could change the method (frameworks read a field `_method` from it).
enum class FormBody : std::uint8_t {
  none,    // no form, or one without such a field
  opaque,  // too long, or compressed, to be looked through: what it asks for cannot be named
};

// application/x-www-form-urlencoded, decoded once; repeated keys keep the order of their values. Errors:
// http.ambiguous_query (bad percent-encoding, not UTF-8, control or non-ASCII bytes), http.too_many_parameters.
Result<std::map<std::string, std::vector<std::string>>> read_query(std::string_view text);

// Refuses (http.method_override) a `_method` in the query, and in the form or JSON body of a POST. A form that is not
// in memory as a whole is opaque.
Result<FormBody> look_for_method_override(const RequestHead& head, const BodyView& body);

}  // namespace countersign::adapters
