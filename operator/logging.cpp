#include "operator/logging.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "k8s-client/work.h"

namespace op {
namespace {

std::atomic<spdlog::level::level_enum> level_at_start = spdlog::level::info;

std::string utc(spdlog::log_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds);
  const std::time_t epoch = seconds.count();
  std::tm parts{};
  gmtime_r(&epoch, &parts);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%03dZ", date, static_cast<int>(millis.count()));
  return text;
}

std::string_view view(const spdlog::string_view_t& text) { return {text.data(), text.size()}; }

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// Foreign bytes in a message (a server's answer) must not break the line: they become U+FFFD.
std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    nlohmann::ordered_json line = {{"time", utc(msg.time)},
                                   {"level", view(spdlog::level::to_string_view(msg.level))},
                                   {"msg", view(msg.payload)}};
    const k8s::Work& pass = k8s::current_work();
    if (!pass.key.empty()) {
      line["key"] = pass.key;
      line["reconcile_id"] = pass.id;
    }
    append(out, dump(line) + "\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    append(out, utc(msg.time));
    append(out, " ");
    append(out, view(spdlog::level::to_string_view(msg.level)));
    const k8s::Work& pass = k8s::current_work();
    if (!pass.key.empty()) append(out, " [" + pass.key + " " + pass.id + "]");
    append(out, " ");
    // One message stays one line.
    for (const char c : view(msg.payload)) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
    append(out, "\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }
};

}  // namespace

const std::map<std::string, spdlog::level::level_enum>& log_levels() {
  static const std::map<std::string, spdlog::level::level_enum> kLevels = {
      {"debug", spdlog::level::debug},
      {"info", spdlog::level::info},
      {"warning", spdlog::level::warn},
      {"error", spdlog::level::err}};
  return kLevels;
}

int level_signal(spdlog::level::level_enum level) { return 1 + static_cast<int>(level); }

void change_log_level(int value) {
  const auto before = spdlog::get_level();
  auto wanted = before == spdlog::level::debug ? level_at_start.load() : spdlog::level::debug;
  if (value != 0) {
    const auto& levels = log_levels();
    const auto named = std::ranges::find_if(
        levels, [value](const auto& level) { return level_signal(level.second) == value; });
    if (named == levels.end()) return;
    wanted = named->second;
  }
  // Whoever asked for it looks for the answer in the log, whatever the level.
  spdlog::logger& logger = *spdlog::default_logger_raw();
  logger.set_level(spdlog::level::info);
  logger.info("the log level is now {}", spdlog::level::to_string_view(wanted));
  logger.set_level(wanted);
}

void setup_logging(LogFormat format, spdlog::level::level_enum level, spdlog::sink_ptr sink) {
  if (!sink) sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
  if (format == LogFormat::Json) {
    logger->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger->set_formatter(std::make_unique<TextFormatter>());
  }
  logger->set_level(level);
  level_at_start = level;
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

LogScope::LogScope(std::string key, std::string reconcile_id) {
  k8s::current_work() = {std::move(key), std::move(reconcile_id)};
}

LogScope::~LogScope() { k8s::current_work() = {}; }

}  // namespace op
