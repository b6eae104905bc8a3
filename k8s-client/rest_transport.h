// The Transport over cpprestsdk. The only translation unit that names cpprestsdk is
// rest_transport.cpp; the rules that it keeps are in docs/adr.
#pragma once

#include <memory>

#include "k8s-client/config.h"
#include "k8s-client/credentials.h"
#include "k8s-client/transport.h"

namespace k8s {

// First thing in main: one thread for cpprestsdk's pool, no system CA bundle, SIGPIPE ignored.
void initialize_http();

struct RestObserver {  // counts requests for metrics; called from the requesting thread
  virtual ~RestObserver() = default;
  virtual void finished(const std::string& method, int status /* 0: no answer */,
                        std::chrono::nanoseconds took) = 0;
};

// Owns its connections. `observer` may be null and must outlive the transport. Throws ConfigError.
// Transports that share their credentials look them up once for all.
std::unique_ptr<Transport> make_rest_transport(std::shared_ptr<Credentials> credentials,
                                               RestObserver* observer = nullptr);
std::unique_ptr<Transport> make_rest_transport(const ClusterConfig& config,
                                               RestObserver* observer = nullptr);

}  // namespace k8s
