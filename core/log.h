// The program's own log, on stderr: what an operator reads. Not the audit log, which is evidence (audit/).
//
// Lines are for people or, as JSON objects, for collectors. Secrets never go in: callers pass fields one by one, and
// core/secret.h does not convert to text. Any thread; a line is written whole. Never throws, never blocks on anything
// but the write to stderr.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>

namespace countersign {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };
enum class LogFormat : std::uint8_t { human, json };

[[nodiscard]] std::optional<LogLevel> log_level_from_name(std::string_view name);  // "debug", "info", "warning", …

struct LogField {
  std::string_view name;
  std::string_view value;
};

class Log {
 public:
  // Writes to the file descriptor of stderr.
  explicit Log(LogLevel level = LogLevel::info, LogFormat format = LogFormat::human);
  // Writes to `path` instead, appending; used by tests and `serve --log-file`. A file that cannot be opened leaves a
  // log on stderr that says so.
  Log(LogLevel level, LogFormat format, const char* path);
  ~Log();
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;

  // human: `2026-11-21T09:30:00.123Z warning upstream does not answer upstream=files attempt=3`
  // json:  `{"attempt":"3","level":"warning","message":"…","time":"…","upstream":"files"}`
  // Control characters in values are escaped: a hostile name cannot forge a line. The names level, message and time are
  // the log's own.
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const;
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::info, message, fields);
  }
  void warning(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::warning, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const {
    write(LogLevel::error, message, fields);
  }
  [[nodiscard]] bool writes(LogLevel level) const { return level >= level_ && level != LogLevel::off; }

 private:
  struct Sink;
  LogLevel level_;
  LogFormat format_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace countersign
