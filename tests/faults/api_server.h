// An API server in memory, at the level of HTTP, for any number of clients: versions, guards,
// server-side apply, subresources, finalizers, lists in pages and as the beginning of a watch. Time
// is an argument. What is not served throws std::logic_error, so that a test cannot rest on an
// answer that nobody thought about. conformance_test.cpp holds it against the real one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/clock.h"
#include "k8s-client/transport.h"
#include "tests/faults/admission.h"
#include "tests/faults/managed_fields.h"
#include "tests/faults/storage.h"
#include "tests/faults/watch.h"

namespace faults {

// All that an API server remembers: a copy of it is where another run can go on from.
struct ServerState {
  Storage storage = {};
  std::map<ObjectKey, int> births = {};  // how often a name was given
  int addresses = 10;                    // of Services, given so far
};

class ApiServer {
 public:
  explicit ApiServer(k8s::Now now, ServerState state = {})
      : now_(std::move(now)), state_(std::move(state)) {}
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  k8s::Response send(const k8s::Request& request);
  // Throws ApiError for a refusal, as a transport does.
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request, std::chrono::milliseconds idle);

  // As a client inside of the cluster; throws std::logic_error for a refusal.
  Json create_as(const std::string& manager, const Json& body);
  void edit_as(const Manager& manager, const ObjectKey& key,
               const std::function<void(Json&)>& edit);
  void remove(const ObjectKey& key, const std::string& propagation = "Background");
  const Json* find(const ObjectKey& key) const;
  std::vector<ObjectKey> keys(const std::string& kind) const;

  const Storage& storage() const { return state_.storage; }
  const ServerState& state() const { return state_; }
  // Grows with each request, each change and each line of a watch.
  std::uint64_t activity() const { return activity_ + storage().log().size(); }
  void compact() { state_.storage.compact(); }
  // The watches that clients have open, for what is to be done to them.
  std::vector<std::shared_ptr<WatchState>> watches() const;

  bool streams_lists = true;       // else 422, as before Kubernetes 1.34
  bool expires_by_answer = false;  // 410 as an answer instead of as an event
  bool knows_since = true;         // else it prunes status.held[].since, as with an older CRD
  std::int64_t lag = 0;            // revisions by which lists and new watches are behind
  std::int64_t rewind = 0;         // revisions by which a resumed watch begins too early

 private:
  struct Call;
  Call parse(const k8s::Request& request) const;
  k8s::Response dispatch(const Call& call);
  k8s::Response list(const Call& call) const;
  k8s::Response create(const Call& call);
  k8s::Response replace(const Call& call);
  k8s::Response patch(const Call& call);
  k8s::Response apply(const Call& call);
  k8s::Response remove(const Call& call);
  k8s::Response insert(const Call& call, Json body);
  static std::optional<k8s::Response> refuse_other(const Call& call, const Json& live,
                                                   const Json& wanted);
  k8s::Response change(const Call& call, const Json& before, Json body, bool applied);
  std::shared_ptr<WatchState> watch_state(const Call& call) const;
  void erase_or_mark(const ObjectKey& key, const std::string& propagation);

  const k8s::Now now_;
  ServerState state_;
  Storage& storage_ = state_.storage;
  const Admission admission_{state_.storage};
  std::uint64_t activity_ = 0;
  mutable std::vector<std::weak_ptr<WatchState>> watches_;
};

}  // namespace faults
