// The API server as far as one Lease goes: create, get, update with resourceVersion. A test can
// make it fail or answer late.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "k8s-client/errors.h"
#include "k8s-client/json.h"
#include "k8s-client/transport.h"

namespace op {

class FakeLeaseServer final : public k8s::Transport {
 public:
  std::function<void(const k8s::Request&)> before = [](const k8s::Request&) {};
  std::function<void(const k8s::Request&)> after = [](const k8s::Request&) {};
  std::optional<k8s::Json> lease;
  int writes = 0;

  k8s::Response send(const k8s::Request& request) override {
    // Copies: a hook may replace itself while it runs.
    if (const auto hook = before) hook(request);
    const k8s::Response response = answer(request);
    if (const auto hook = after) hook(request);
    return response;
  }
  std::unique_ptr<k8s::Stream> open(const k8s::Request&, std::chrono::milliseconds) override {
    throw k8s::ApiError(400, "", "a lease is not watched");
  }

  std::string holder() const { return lease->at("spec").at("holderIdentity"); }

 private:
  k8s::Response answer(const k8s::Request& request) {
    if (request.method == "GET") {
      return lease ? k8s::Response{200, lease->dump()} : failure(404, "NotFound");
    }
    k8s::Json body = k8s::Json::parse(request.body);
    if (request.method == "POST") {
      if (lease) return failure(409, "AlreadyExists");
      return store(std::move(body), 201);
    }
    if (!lease) return failure(404, "NotFound");
    if (body.at("metadata").value("resourceVersion", "") !=
        lease->at("metadata").at("resourceVersion")) {
      return failure(409, "Conflict");
    }
    return store(std::move(body), 200);
  }

  k8s::Response store(k8s::Json body, int status) {
    body["metadata"]["resourceVersion"] = std::to_string(++writes);
    lease.emplace(std::move(body));
    return {status, lease->dump()};
  }

  static k8s::Response failure(int code, const char* reason) {
    const k8s::Json status = {
        {"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"code", code}};
    return {code, status.dump()};
  }
};

}  // namespace op
