// The API server's answers, as SmallCluster gives them.
#pragma once

#include <string>
#include <utility>

#include "k8s-client/json.h"
#include "k8s-client/transport.h"

namespace reconcilers::test {

inline k8s::Response error(int code, const std::string& reason, const std::string& message,
                           k8s::Json details = k8s::Json::object()) {
  const k8s::Json status = {{"kind", "Status"},
                            {"apiVersion", "v1"},
                            {"status", "Failure"},
                            {"message", message},
                            {"reason", reason},
                            {"code", code},
                            {"details", std::move(details)}};
  return {code, status.dump()};
}

inline k8s::Response ok(const k8s::Json& body, int code = 200) { return {code, body.dump()}; }

}  // namespace reconcilers::test
