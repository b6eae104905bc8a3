// The log of one scope as text; the former logger is back afterwards.
#pragma once

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "operator/logging.h"

namespace op {

class CapturedLog {
 public:
  explicit CapturedLog(LogFormat format) {
    setup_logging(format, spdlog::level::info,
                  std::make_shared<spdlog::sinks::ostream_sink_mt>(out_));
  }
  ~CapturedLog() { spdlog::set_default_logger(former_); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  const std::shared_ptr<spdlog::logger> former_ = spdlog::default_logger();
};

}  // namespace op
