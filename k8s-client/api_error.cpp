#include "k8s-client/api_error.h"

namespace k8s {
namespace {

constexpr std::size_t kQuoted = 300;

std::string text_at(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

ApiError api_error(const std::string& tried, const Json& status, int code,
                   std::optional<std::chrono::seconds> retry_after) {
  const std::string reason = text_at(status, "reason");
  std::string message = text_at(status, "message");
  if (message.empty()) message = reason.empty() ? "no reason given" : reason;
  Json details = status.contains("details") ? status["details"] : Json(nullptr);
  if (!retry_after && details.is_object() && details.contains("retryAfterSeconds") &&
      details["retryAfterSeconds"].is_number_integer()) {
    retry_after = std::chrono::seconds(details["retryAfterSeconds"].get<int>());
  }
  return ApiError(code, reason, tried + ": " + message + " (HTTP " + std::to_string(code) + ")",
                  std::move(details), retry_after);
}

ApiError api_error(const std::string& tried, const Response& response) {
  const Json status = Json::parse(response.body, nullptr, false);
  if (status.is_object()) return api_error(tried, status, response.status, response.retry_after);
  Json stand_in = Json::object();
  if (!response.body.empty()) stand_in["message"] = response.body.substr(0, kQuoted);
  return api_error(tried, stand_in, response.status, response.retry_after);
}

}  // namespace k8s
