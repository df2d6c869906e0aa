// What a held HTTP request does, in a sentence (proxy/adapters/sentence.h).
#pragma once

#include <string>
#include <string_view>

#include "approvals/request.h"
#include "proxy/adapters/http_request.h"

namespace countersign::adapters {

// "Replace /orders/7 on shop (production) as putOrder (\"Change an order\"), query force = true, with price = 3,
// currency = EUR (JSON, 31 bytes)." What the operation is called comes from Frozen::shown, {"operation", "summary"}, as
// it was when the request was made. A body that is not here as a whole, or longer than 64 KiB, is said by its kind and
// size alone. Any thread.
[[nodiscard]] std::string http_sentence(const HttpRequest& request, const approvals::Frozen& frozen,
                                        std::string_view body, std::string_view environment);

}  // namespace countersign::adapters
