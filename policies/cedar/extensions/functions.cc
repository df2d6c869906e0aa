#include "policies/cedar/extensions/functions.h"

#include <array>
#include <optional>

namespace cedar {
namespace {

using Arguments = std::span<const Value>;

std::unexpected<std::string> wrong_kind(ValueKind expected, const Value& got) {
  return std::unexpected("expected " + std::string(describe(expected)) + ", got " + std::string(describe(got.kind())));
}

// `expected` of the first argument that is not of that kind.
std::optional<std::unexpected<std::string>> mismatch(Arguments arguments, ValueKind expected) {
  for (const Value& argument : arguments) {
    if (!argument.is(expected)) return wrong_kind(expected, argument);
  }
  return std::nullopt;
}

template <class T, Value (*make)(T)>
ExtensionResult construct(Arguments arguments) {
  if (auto error = mismatch(arguments, ValueKind::string)) return *error;
  auto parsed = std::remove_cvref_t<T>::parse(arguments[0].as_string());
  if (!parsed) {
    return std::unexpected("cannot read " + arguments[0].to_text() + ": " + parsed.error());
  }
  return make(*parsed);
}

template <class Test>
ExtensionResult on_ips(Arguments arguments, Test test) {
  if (auto error = mismatch(arguments, ValueKind::ip)) return *error;
  return Value::boolean(test(arguments));
}

template <class Test>
ExtensionResult on_decimals(Arguments arguments, Test test) {
  if (auto error = mismatch(arguments, ValueKind::decimal)) return *error;
  return Value::boolean(test(arguments[0].as_decimal(), arguments[1].as_decimal()));
}

template <class Get>
ExtensionResult on_duration(Arguments arguments, Get get) {
  if (auto error = mismatch(arguments, ValueKind::duration)) return *error;
  return Value::integer(get(arguments[0].as_duration()));
}

ExtensionResult offset(Arguments arguments) {
  if (auto error = mismatch(arguments.first(1), ValueKind::datetime)) return *error;
  if (auto error = mismatch(arguments.last(1), ValueKind::duration)) return *error;
  std::optional<Datetime> moved = arguments[0].as_datetime().offset(arguments[1].as_duration());
  if (!moved) return std::unexpected("overflow while moving a datetime");
  return Value::datetime(*moved);
}

ExtensionResult duration_since(Arguments arguments) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  std::optional<Duration> between = arguments[0].as_datetime().since(arguments[1].as_datetime());
  if (!between) return std::unexpected("overflow while subtracting datetimes");
  return Value::duration(*between);
}

ExtensionResult to_date(Arguments arguments) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  std::optional<Datetime> date = arguments[0].as_datetime().to_date();
  if (!date) return std::unexpected("overflow while rounding a datetime");
  return Value::datetime(*date);
}

ExtensionResult to_time(Arguments arguments) {
  if (auto error = mismatch(arguments, ValueKind::datetime)) return *error;
  return Value::duration(arguments[0].as_datetime().to_time());
}

constexpr std::array kFunctions = {
    ExtensionFunction{"ip", CallStyle::function, 1, construct<const IpAddress&, Value::ip>},
    ExtensionFunction{"decimal", CallStyle::function, 1, construct<Decimal, Value::decimal>},
    ExtensionFunction{"datetime", CallStyle::function, 1, construct<Datetime, Value::datetime>},
    ExtensionFunction{"duration", CallStyle::function, 1, construct<Duration, Value::duration>},
    ExtensionFunction{"isIpv4", CallStyle::method, 1,
                      [](Arguments a) {
                        return on_ips(a, [](Arguments x) { return x[0].as_ip().family == IpAddress::Family::v4; });
                      }},
    ExtensionFunction{"isIpv6", CallStyle::method, 1,
                      [](Arguments a) {
                        return on_ips(a, [](Arguments x) { return x[0].as_ip().family == IpAddress::Family::v6; });
                      }},
    ExtensionFunction{"isLoopback", CallStyle::method, 1,
                      [](Arguments a) { return on_ips(a, [](Arguments x) { return x[0].as_ip().is_loopback(); }); }},
    ExtensionFunction{"isMulticast", CallStyle::method, 1,
                      [](Arguments a) { return on_ips(a, [](Arguments x) { return x[0].as_ip().is_multicast(); }); }},
    ExtensionFunction{
        "isInRange", CallStyle::method, 2,
        [](Arguments a) { return on_ips(a, [](Arguments x) { return x[0].as_ip().is_in_range(x[1].as_ip()); }); }},
    ExtensionFunction{"lessThan", CallStyle::method, 2,
                      [](Arguments a) { return on_decimals(a, [](Decimal x, Decimal y) { return x < y; }); }},
    ExtensionFunction{"lessThanOrEqual", CallStyle::method, 2,
                      [](Arguments a) { return on_decimals(a, [](Decimal x, Decimal y) { return x <= y; }); }},
    ExtensionFunction{"greaterThan", CallStyle::method, 2,
                      [](Arguments a) { return on_decimals(a, [](Decimal x, Decimal y) { return x > y; }); }},
    ExtensionFunction{"greaterThanOrEqual", CallStyle::method, 2,
                      [](Arguments a) { return on_decimals(a, [](Decimal x, Decimal y) { return x >= y; }); }},
    ExtensionFunction{"offset", CallStyle::method, 2, offset},
    ExtensionFunction{"durationSince", CallStyle::method, 2, duration_since},
    ExtensionFunction{"toDate", CallStyle::method, 1, to_date},
    ExtensionFunction{"toTime", CallStyle::method, 1, to_time},
    ExtensionFunction{"toMilliseconds", CallStyle::method, 1,
                      [](Arguments a) { return on_duration(a, [](Duration d) { return d.milliseconds; }); }},
    ExtensionFunction{"toSeconds", CallStyle::method, 1,
                      [](Arguments a) { return on_duration(a, [](Duration d) { return d.to_seconds(); }); }},
    ExtensionFunction{"toMinutes", CallStyle::method, 1,
                      [](Arguments a) { return on_duration(a, [](Duration d) { return d.to_minutes(); }); }},
    ExtensionFunction{"toHours", CallStyle::method, 1,
                      [](Arguments a) { return on_duration(a, [](Duration d) { return d.to_hours(); }); }},
    ExtensionFunction{"toDays", CallStyle::method, 1,
                      [](Arguments a) { return on_duration(a, [](Duration d) { return d.to_days(); }); }},
};

}  // namespace

const ExtensionFunction* find_extension(std::string_view name) {
  for (const ExtensionFunction& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

ExtensionResult ExtensionFunction::call(std::span<const Value> arguments) const {
  if (arguments.size() != arity) {
    return std::unexpected("`" + std::string(name) + "` takes " + std::to_string(arity) + " argument" +
                           (arity == 1 ? "" : "s") + ", got " + std::to_string(arguments.size()));
  }
  ExtensionResult result = apply(arguments);
  if (!result) return std::unexpected("`" + std::string(name) + "`: " + result.error());
  return result;
}

}  // namespace cedar
