#include "operator/logged_transport.h"

#include <spdlog/spdlog.h>

#include <string_view>

#include "k8s-client/errors.h"

namespace op {
namespace {

// Of what says how a resource is, there is much, and it can be read where it was written.
bool changes_something(const k8s::Request& request) {
  const std::string_view path = request.path;
  return request.method != "GET" && !path.starts_with("/apis/entityservice.io/") &&
         !path.starts_with("/apis/events.k8s.io/");
}

}  // namespace

k8s::Response LoggedTransport::send(const k8s::Request& request) {
  try {
    k8s::Response response = inner_.send(request);
    const bool done = response.status >= 200 && response.status <= 299;
    const auto level =
        done && changes_something(request) ? spdlog::level::info : spdlog::level::debug;
    spdlog::log(level, "{} {}: {}", request.method, request.path, response.status);
    return response;
  } catch (const k8s::TransportError& error) {
    spdlog::debug("{} {}: {}", request.method, request.path, error.what());
    throw;
  }
}

std::unique_ptr<k8s::Stream> LoggedTransport::open(const k8s::Request& request,
                                                   std::chrono::milliseconds idle) {
  return inner_.open(request, idle);
}

}  // namespace op
