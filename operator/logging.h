// How the process logs: one line per message on standard error, as JSON or text, with the key and
// id of the pass that the logging thread is in. Everybody logs through spdlog's default logger.
#pragma once

#include <spdlog/common.h>

#include <memory>
#include <string>

namespace op {

enum class LogFormat { Json, Text };

// Sets the default logger. `sink` null: standard error.
void setup_logging(LogFormat format, spdlog::level::level_enum level,
                   spdlog::sink_ptr sink = nullptr);

// While it lives, lines of this thread carry `key` and `reconcile_id`. Not nested.
class LogScope {
 public:
  LogScope(std::string key, std::string reconcile_id);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;
};

}  // namespace op
