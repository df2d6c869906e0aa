#include "core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/clock.h"
#include "core/json_writer.h"

namespace countersign {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error", "off"};

std::string_view level_name(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                                  spdlog::level::off};
  return kLevels[static_cast<std::size_t>(level)];
}

std::string json_line(LogLevel level, std::string_view message, std::string_view time,
                      std::initializer_list<LogField> fields) {
  std::vector<LogField> all = {{"level", level_name(level)}, {"message", message}, {"time", time}};
  for (const LogField& field : fields) {
    if (std::ranges::find(all, field.name, &LogField::name) == all.end()) all.push_back(field);
  }
  std::ranges::sort(all, {}, &LogField::name);
  std::string line;
  JsonWriter writer(line);
  writer.begin_object();
  for (const LogField& field : all) writer.member(field.name, field.value);
  writer.end_object();
  return line;
}

bool is_plain(char c) {
  auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7f && c != '"' && c != '\\';
}

void append_message(std::string& line, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += "\\x";
      line += kDigits[byte >> 4];
      line += kDigits[byte & 15];
    } else {
      line += c;
    }
  }
}

std::string human_line(LogLevel level, std::string_view message, std::string_view time,
                       std::initializer_list<LogField> fields) {
  std::string line(time);
  line += ' ';
  line += level_name(level);
  line += ' ';
  append_message(line, message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (!field.value.empty() && std::ranges::all_of(field.value, is_plain)) {
      line += field.value;
    } else {
      JsonWriter(line).value(field.value);
    }
  }
  return line;
}

}  // namespace

struct Log::Sink {
  spdlog::logger logger;
  explicit Sink(spdlog::sink_ptr sink) : logger("countersign", std::move(sink)) {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::trace);  // Log::writes has decided already
    logger.flush_on(spdlog::level::trace);
  }
};

std::optional<LogLevel> log_level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

Log::Log(LogLevel level, LogFormat format)
    : level_(level),
      format_(format),
      sink_(std::make_unique<Sink>(std::make_shared<spdlog::sinks::stderr_sink_mt>())) {}

Log::Log(LogLevel level, LogFormat format, const char* path) : Log(level, format) {
  try {
    sink_ = std::make_unique<Sink>(std::make_shared<spdlog::sinks::basic_file_sink_mt>(path));
  } catch (const spdlog::spdlog_ex&) {
    error("cannot write the log file; logging to stderr", {{"path", path}});
  }
}

Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) const {
  if (!writes(level)) return;
  std::string time = format_time(SystemClock().now());
  std::string line =
      format_ == LogFormat::json ? json_line(level, message, time, fields) : human_line(level, message, time, fields);
  sink_->logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace countersign
