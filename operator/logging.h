// How the process logs: one line per message on standard error, as JSON or text, with the key and
// id of the pass that the logging thread is in. Everybody logs through spdlog's default logger.
#pragma once

#include <spdlog/common.h>

#include <map>
#include <memory>
#include <string>

namespace op {

enum class LogFormat { Json, Text };

// By the names that the command line uses.
const std::map<std::string, spdlog::level::level_enum>& log_levels();

// Sets the default logger. `sink` null: standard error.
void setup_logging(LogFormat format, spdlog::level::level_enum level,
                   spdlog::sink_ptr sink = nullptr);

// What SIGUSR1 asks for by its value: level_signal of a level; 0: debug, and back to the level of
// `setup_logging`. Anything else is ignored. The change itself is always logged.
void change_log_level(int value);
int level_signal(spdlog::level::level_enum level);

// While it lives, lines of this thread, and of those that work for it, carry `key` and
// `reconcile_id`. Not nested.
class LogScope {
 public:
  LogScope(std::string key, std::string reconcile_id);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;
};

}  // namespace op
