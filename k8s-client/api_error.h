// Answers other than 2xx as ApiError, with the server's own words where it sent a Status.
#pragma once

#include <optional>
#include <string>

#include "k8s-client/errors.h"
#include "k8s-client/transport.h"

namespace k8s {

// `tried` comes first in the message: "apply Deployment ns/name".
ApiError api_error(const std::string& tried, const Response& response);
// From a Status object, e.g. that of a watch's ERROR event.
ApiError api_error(const std::string& tried, const Json& status, int code,
                   std::optional<std::chrono::seconds> retry_after = std::nullopt);

}  // namespace k8s
