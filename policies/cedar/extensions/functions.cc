#include "policies/cedar/extensions/functions.h"

#include <array>
#include <optional>

namespace cedar {
namespace {

using Arguments = ExtensionFunction::Arguments;
using Outcome = std::expected<Value, ExtensionFault>;

std::unexpected<ExtensionFault> refuse(std::string_view reason) {
  return std::unexpected(ExtensionFault{.reason = reason});
}

// A fault for the first argument that is not of the kind `expected`.
std::optional<std::unexpected<ExtensionFault>> mismatch(Arguments arguments, ValueKind expected) {
  for (const Value& argument : arguments) {
    if (!argument.is(expected)) return std::unexpected(ExtensionFault{.expected = expected, .got = argument.kind()});
  }
  return std::nullopt;
}

template <class T>
std::expected<T, ExtensionFault> read(Arguments arguments) {
  if (auto error = mismatch(arguments, ValueKind::string)) return *error;
  auto parsed = T::parse(arguments[0].as_string());
  if (!parsed) return std::unexpected(ExtensionFault{.reason = parsed.error(), .unreadable = arguments.data()});
  return *parsed;
}

template <class T, Value (*make)(T)>
Outcome construct(Arguments arguments, Arena*) {
  auto value = read<T>(arguments);
  if (!value) return std::unexpected(value.error());
  return make(*value);
}

Outcome read_ip(Arguments arguments, Arena* arena) {
  auto address = read<IpAddress>(arguments);
  if (!address) return std::unexpected(address.error());
  return arena == nullptr ? Value::ip(*address) : Value::ip(*address, *arena);
}

template <class Test>
Outcome on_ips(Arguments arguments, Test test) {
  if (auto error = mismatch(arguments, ValueKind::ip)) return *error;
  return Value::boolean(test(arguments));
}

template <class Test>
Outcome on_decimals(Arguments arguments, Test test) {
  if (auto error = mismatch(arguments, ValueKind::decimal)) return *error;
  return Value::boolean(test(arguments[0].as_decimal(), arguments[1].as_decimal()));
}

template <class Get>
Outcome on_duration(Arguments arguments, Get get) {
  if (auto error = mismatch(arguments, ValueKind::duration)) return *error;
  return Value::integer(get(arguments[0].as_duration()));
}

Outcome offset(Arguments arguments, Arena*) {
  if (auto error = mismatch(arguments.first(1), ValueKind::datetime)) return *error;
  if (auto error = mismatch(arguments.last(1), ValueKind::duration)) return *error;
  std::optional<Datetime> moved = arguments[0].as_datetime().offset(arguments[1].as_duration());
  if (!moved) return refuse("overflow while moving a datetime");
  return Value::datetime(*moved);
}

Outcome duration_since(Arguments arguments, Arena*) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  std::optional<Duration> between = arguments[0].as_datetime().since(arguments[1].as_datetime());
  if (!between) return refuse("overflow while subtracting datetimes");
  return Value::duration(*between);
}

Outcome to_date(Arguments arguments, Arena*) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  std::optional<Datetime> date = arguments[0].as_datetime().to_date();
  if (!date) return refuse("overflow while rounding a datetime");
  return Value::datetime(*date);
}

Outcome to_time(Arguments arguments, Arena*) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  return Value::duration(arguments[0].as_datetime().to_time());
}

constexpr std::array kFunctions = {
    ExtensionFunction{"ip", CallStyle::function, 1, read_ip},
    ExtensionFunction{"decimal", CallStyle::function, 1, construct<Decimal, Value::decimal>},
    ExtensionFunction{"datetime", CallStyle::function, 1, construct<Datetime, Value::datetime>},
    ExtensionFunction{"duration", CallStyle::function, 1, construct<Duration, Value::duration>},
    ExtensionFunction{"isIpv4", CallStyle::method, 1,
                      [](Arguments a, Arena*) {
                        return on_ips(a, [](Arguments x) { return x[0].as_ip().family == IpAddress::Family::v4; });
                      }},
    ExtensionFunction{"isIpv6", CallStyle::method, 1,
                      [](Arguments a, Arena*) {
                        return on_ips(a, [](Arguments x) { return x[0].as_ip().family == IpAddress::Family::v6; });
                      }},
    ExtensionFunction{
        "isLoopback", CallStyle::method, 1,
        [](Arguments a, Arena*) { return on_ips(a, [](Arguments x) { return x[0].as_ip().is_loopback(); }); }},
    ExtensionFunction{
        "isMulticast", CallStyle::method, 1,
        [](Arguments a, Arena*) { return on_ips(a, [](Arguments x) { return x[0].as_ip().is_multicast(); }); }},
    ExtensionFunction{"isInRange", CallStyle::method, 2,
                      [](Arguments a, Arena*) {
                        return on_ips(a, [](Arguments x) { return x[0].as_ip().is_in_range(x[1].as_ip()); });
                      }},
    ExtensionFunction{"lessThan", CallStyle::method, 2,
                      [](Arguments a, Arena*) { return on_decimals(a, [](Decimal x, Decimal y) { return x < y; }); }},
    ExtensionFunction{"lessThanOrEqual", CallStyle::method, 2,
                      [](Arguments a, Arena*) { return on_decimals(a, [](Decimal x, Decimal y) { return x <= y; }); }},
    ExtensionFunction{"greaterThan", CallStyle::method, 2,
                      [](Arguments a, Arena*) { return on_decimals(a, [](Decimal x, Decimal y) { return x > y; }); }},
    ExtensionFunction{"greaterThanOrEqual", CallStyle::method, 2,
                      [](Arguments a, Arena*) { return on_decimals(a, [](Decimal x, Decimal y) { return x >= y; }); }},
    ExtensionFunction{"offset", CallStyle::method, 2, offset},
    ExtensionFunction{"durationSince", CallStyle::method, 2, duration_since},
    ExtensionFunction{"toDate", CallStyle::method, 1, to_date},
    ExtensionFunction{"toTime", CallStyle::method, 1, to_time},
    ExtensionFunction{"toMilliseconds", CallStyle::method, 1,
                      [](Arguments a, Arena*) { return on_duration(a, [](Duration d) { return d.milliseconds; }); }},
    ExtensionFunction{"toSeconds", CallStyle::method, 1,
                      [](Arguments a, Arena*) { return on_duration(a, [](Duration d) { return d.to_seconds(); }); }},
    ExtensionFunction{"toMinutes", CallStyle::method, 1,
                      [](Arguments a, Arena*) { return on_duration(a, [](Duration d) { return d.to_minutes(); }); }},
    ExtensionFunction{"toHours", CallStyle::method, 1,
                      [](Arguments a, Arena*) { return on_duration(a, [](Duration d) { return d.to_hours(); }); }},
    ExtensionFunction{"toDays", CallStyle::method, 1,
                      [](Arguments a, Arena*) { return on_duration(a, [](Duration d) { return d.to_days(); }); }},
};

}  // namespace

const ExtensionFunction* find_extension(std::string_view name) {
  for (const ExtensionFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

ExtensionResult ExtensionFunction::call(Arguments arguments) const {
  Outcome result = arguments.size() == arity ? apply(arguments, nullptr) : Outcome(std::unexpected(ExtensionFault{}));
  if (result) return std::move(*result);
  return std::unexpected(describe(result.error(), arguments.size(), result.error().unreadable));
}

std::expected<Value, ExtensionFault> ExtensionFunction::call(Arguments arguments, Arena& arena) const {
  if (arguments.size() != arity) return std::unexpected(ExtensionFault{});
  return apply(arguments, &arena);
}

std::string ExtensionFunction::describe(const ExtensionFault& fault, std::size_t arguments,
                                        const Value* unreadable) const {
  std::string out = "`" + std::string(name) + "`";
  if (arguments != arity) {
    return out + " takes " + std::to_string(arity) + " argument" + (arity == 1 ? "" : "s") + ", got " +
           std::to_string(arguments);
  }
  out += ": ";
  if (unreadable != nullptr) return out + "cannot read " + unreadable->to_text() + ": " + std::string(fault.reason);
  if (!fault.reason.empty()) return out + std::string(fault.reason);
  return out + "expected " + std::string(cedar::describe(fault.expected)) + ", got " +
         std::string(cedar::describe(fault.got));
}

}  // namespace cedar
