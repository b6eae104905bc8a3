// An API server with one Lease and the EntityServices that a test gives it, for all transports of a
// Manager: other lists are empty, watches stay silent, and a list is not streamed. It can also
// swallow every request, or only what passes write, as a host does that is gone, refuse
// connections, and forbid everything, as one that has just started.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "fake_lease_server.h"
#include "k8s-client/errors.h"
#include "k8s-client/transport.h"
#include "operator/stop_event.h"

namespace op {

enum class Behaviour { Works, Silent, Refuses, Forbids };

class FakeApiServer {
 public:
  std::atomic<Behaviour> behaviour = Behaviour::Works;
  std::atomic<Behaviour> passes = Behaviour::Works;  // towards what passes write
  std::atomic<int> lists = 0, written = 0;
  k8s::Json services = k8s::Json::array();

  std::unique_ptr<k8s::Transport> connect() { return std::make_unique<Connection>(*this); }

  std::string holder() {
    const std::lock_guard lock(mutex_);
    return lease_.lease ? lease_.holder() : "nobody";
  }
  void give_lease_to(const std::string& holder) {
    const std::lock_guard lock(mutex_);
    (*lease_.lease)["spec"]["holderIdentity"] = holder;
    (*lease_.lease)["metadata"]["resourceVersion"] = "stolen";
  }

 private:
  static bool is_lease(const k8s::Request& request) {
    return request.path.find("/leases") != std::string::npos;
  }
  static k8s::TransportError cancelled() {
    return {k8s::TransportError::Stage::Cancelled, "the transport was closed"};
  }

  class Quiet final : public k8s::Stream {
   public:
    explicit Quiet(const StopEvent& closed) : closed_(closed) {}
    Read next(std::chrono::milliseconds wait) override {
      if (closed_.wait_for(wait)) throw cancelled();
      return {Read::Kind::Nothing};
    }

   private:
    const StopEvent& closed_;
  };

  class Connection final : public k8s::Transport {
   public:
    explicit Connection(FakeApiServer& server) : server_(server) {}
    k8s::Response send(const k8s::Request& request) override {
      arrive(request);
      return server_.answer(request);
    }
    std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                      std::chrono::milliseconds) override {
      arrive(request);
      for (const auto& [name, value] : request.query) {
        if (name == "sendInitialEvents") throw k8s::ApiError(422, "Invalid", "not served");
      }
      return std::make_unique<Quiet>(closed_);
    }
    void close() override { closed_.set(); }

   private:
    void arrive(const k8s::Request& request) {
      using Stage = k8s::TransportError::Stage;
      if (closed_.is_set()) throw cancelled();
      const bool by_pass = request.method != "GET" && !is_lease(request);
      if (by_pass) ++server_.written;
      const Behaviour all = server_.behaviour;
      const Behaviour now = by_pass && all == Behaviour::Works ? server_.passes.load() : all;
      if (now == Behaviour::Refuses) throw k8s::TransportError(Stage::Connect, "down");
      if (now == Behaviour::Forbids) throw k8s::ApiError(403, "Forbidden", "no roles yet");
      if (now == Behaviour::Works) return;
      if (closed_.wait_for(request.deadline)) throw cancelled();
      throw k8s::TransportError(Stage::Deadline, "no answer");
    }
    FakeApiServer& server_;
    StopEvent closed_;
  };

  k8s::Response answer(const k8s::Request& request) {
    const std::lock_guard lock(mutex_);
    if (is_lease(request)) return lease_.send(request);
    ++lists;
    const bool ours = request.path.ends_with("/entityservices");
    const k8s::Json list = {{"kind", "List"},
                            {"metadata", {{"resourceVersion", "1"}}},
                            {"items", ours ? services : k8s::Json::array()}};
    return {200, list.dump()};
  }

  std::mutex mutex_;
  FakeLeaseServer lease_;
};

}  // namespace op
