// A Transport whose answers a test writes down: each request is recorded and given to a function.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "k8s-client/errors.h"
#include "k8s-client/transport.h"

namespace op {

class ScriptedTransport : public k8s::Transport {
 public:
  using Answer = std::function<k8s::Response(const k8s::Request&)>;
  explicit ScriptedTransport(Answer answer) : answer_(std::move(answer)) {}

  k8s::Response send(const k8s::Request& request) override {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    return answer_(request);
  }
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds) override {
    send(request);
    throw k8s::ApiError(503, "", "no streams here");
  }
  std::vector<k8s::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  const Answer answer_;
  mutable std::mutex mutex_;
  std::vector<k8s::Request> requests_;
};

}  // namespace op
