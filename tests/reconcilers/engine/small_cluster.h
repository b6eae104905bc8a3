// An API server in memory, at the level of HTTP: resourceVersions, generations, server-side apply
// with managedFields, the guards, the subresources status and scale, garbage collection. Only
// `send` is thread-safe. Stricter than the real one where that finds mistakes: an unknown verb or
// path throws.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "k8s-client/resource.h"
#include "k8s-client/transport.h"
#include "tests/reconcilers/engine/field_sets.h"
#include "tests/reconcilers/engine/small_storage.h"

namespace reconcilers::test {

struct Seen {  // one request
  std::string method, kind, name, subresource, manager;
  int status = 0;
  bool is_write() const { return method != "GET"; }
  std::string text() const;  // "PATCH Deployment/demo-api 200"
};

// What a test throws out of a request in place of the process' end. No k8s::Error: nobody catches
// it.
struct Crash : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class SmallCluster final : public k8s::Transport {
 public:
  using Key = k8s::ObjectKey;

  k8s::Response send(const k8s::Request& request) override;
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request,
                                    std::chrono::milliseconds idle) override;

  // As other clients: no guards, throws where the object is (not) there.
  void create_as(const std::string& manager, Json body);
  void edit_as(const std::string& manager, const Key& key, const std::function<void(Json&)>& edit);
  void apply_as(const std::string& manager, const Json& body);
  void remove(const Key& key);         // and what depends on it, at the next collection
  void begin_removal(const Key& key);  // deletionTimestamp, as with a finalizer
  void set_status(const Key& key, Json status);
  bool collect_garbage();  // true: something went

  const Json* find(const Key& key) const;
  std::vector<Key> keys(const std::string& kind = "") const;
  std::vector<Key> take_changes();
  bool has_changes() const { return !changes_.empty(); }
  // What is stored, without the hooks of tests: a cluster to go on from after a crash.
  struct Snapshot;
  std::shared_ptr<const Snapshot> snapshot() const;
  void restore(const Snapshot& snapshot);

  std::vector<Seen> seen;
  std::function<void(const k8s::Request&)> on_the_way;  // on the request's thread, others go on
  std::function<void(const Seen&)> before_write, after_write;  // may throw Crash
  // Kinds and names that admission refuses: "Deployment/demo-api" → its message
  std::map<std::string, std::string> refused;
  // Requests that the server fails to carry out: "PATCH Service/demo-api" → its code; 0: it hangs
  std::map<std::string, int> failing;
  std::string failure = "something is wrong in here";
  // What admission makes of an object that is applied.
  std::function<void(const Key&, Json&)> admission;
  bool namespace_ending = false;
  SmallStorage storage;                   // a claim that names no class gets "standard"
  std::set<std::string> taken_addresses;  // of Services elsewhere

 private:
  struct Entry {
    std::string manager, operation, subresource;
    Fields fields;
    bool operator==(const Entry&) const = default;
  };
  struct Stored {
    Json body;
    std::vector<Entry> entries;
  };
  struct Call {
    const k8s::Request& request;
    k8s::Resource resource;
    Key key;
    std::string subresource;
    Json body;
    std::string manager;
  };

  Call parse(const k8s::Request& request) const;
  k8s::Response dispatch(const Call& call);
  k8s::Response patch(const Call& call);
  k8s::Response apply(const Call& call);
  k8s::Response merge(const Call& call);
  k8s::Response remove(const Call& call);
  std::optional<k8s::Response> refuse(const Call& call) const;
  std::optional<k8s::Response> fail(const Call& call) const;

  Stored& insert(const Key& key, Json body);
  void lay_intent(Stored& object, const Json& intent, const std::string& manager,
                  const std::string& subresource);
  void note_update(Stored& object, const Json& before, const std::string& manager,
                   const std::string& subresource);
  // Gives versions to what changed; true: something did.
  bool finish(const Key& key, Stored& object, const Stored& before);
  std::string next_version() { return std::to_string(++state_.version); }

  struct State {
    std::map<Key, Stored> objects;
    std::int64_t version = 100;
    std::int64_t uids = 0;
    int addresses = 10;
  };
  std::mutex one_request_;
  State state_;
  std::vector<Key> changes_;
};

struct SmallCluster::Snapshot {
  State state;
};

}  // namespace reconcilers::test
