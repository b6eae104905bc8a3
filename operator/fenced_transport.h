// Two decorators that bound how long a request may live. Both are as thread-safe as the transport
// that they wrap, which must outlive them.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "k8s-client/transport.h"
#include "operator/lease_fence.h"

namespace op {

// Refuses writes (all but GET) when the lease is not held, with a TransportError of stage
// Cancelled, and ends the others before the lease does. Reads pass: a standby keeps its cache warm.
class FencedTransport final : public k8s::Transport {
 public:
  FencedTransport(k8s::Transport& inner, const LeaseFence& fence, k8s::Now now)
      : inner_(inner), fence_(fence), now_(std::move(now)) {}

  k8s::Response send(const k8s::Request& request) override;
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds idle) override;

 private:
  k8s::Transport& inner_;
  const LeaseFence& fence_;
  const k8s::Now now_;
};

// Gives every request at most `longest`: a lease must be tried again before it expires.
class CappedTransport final : public k8s::Transport {
 public:
  CappedTransport(k8s::Transport& inner, std::chrono::milliseconds longest)
      : inner_(inner), longest_(longest) {}

  k8s::Response send(const k8s::Request& request) override;
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds idle) override;

 private:
  k8s::Transport& inner_;
  const std::chrono::milliseconds longest_;
};

}  // namespace op
