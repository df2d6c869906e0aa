// Task<T>: a coroutine that runs on one worker's io_context. The alias keeps Asio's name out of everybody's headers.
//
// House rule (docs/decisions/0003-coroutines.md, checked by scripts/lint-coroutines): `co_await` stands alone, as a
// whole statement, an initialiser, an if-initialiser or the operand of co_return, with names, members, literals or
// std::move(name) as arguments.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace countersign {

template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace countersign
