// `log-level`: tells a running operator how much to log, by a signal. So whoever may run a command
// in the operator's container may change it, and nobody else: an endpoint would need a login.
#pragma once

#include <spdlog/common.h>

#include <iosfwd>

namespace op {

struct LogLevelOptions {
  spdlog::level::level_enum level = spdlog::level::info;
  int pid = 1;
};

// The exit code. Refuses processes that are no operator or that would not survive the signal.
int send_log_level(const LogLevelOptions& options, std::ostream& out, std::ostream& err);

}  // namespace op
