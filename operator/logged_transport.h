// Logs each request with the server's answer: what a write changed at level info; everything else
// at debug, the status and the events of resources too. Bodies are never logged, they hold secrets.
// As thread-safe as the transport that it wraps, which must outlive it.
#pragma once

#include <memory>

#include "k8s-client/transport.h"

namespace op {

class LoggedTransport final : public k8s::Transport {
 public:
  explicit LoggedTransport(k8s::Transport& inner) : inner_(inner) {}

  k8s::Response send(const k8s::Request& request) override;
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds idle) override;

 private:
  k8s::Transport& inner_;
};

}  // namespace op
