// The pipeline of docs/architecture.md for one resource: observe, parse, resolve, build, gate,
// apply, operate, assess, publish. One call is one pass. Different keys may be reconciled by
// different threads at once; one key never by two.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/store.h"
#include "reconcilers/action.h"

namespace reconcilers {

struct Options {
  std::vector<std::string> prerelease_namespaces = {"staging"};
  std::function<std::chrono::system_clock::time_point()> wall_clock;  // default: the system's
  k8s::Now now;                                                       // default: steady clock
  std::function<std::string(std::size_t)> random;                     // default: OpenSSL's
  std::string identity = "entityservice-operator";  // reporting instance of events
  std::size_t requests_at_once = 1;                 // of one pass
  // Whether other resources are due for a pass: what is only told then waits for their objects.
  std::function<bool()> others_wait = [] { return false; };
};

class Reconciler {
 public:
  // `client` and `store` must outlive the reconciler.
  Reconciler(const k8s::Client& client, k8s::Store& store, Options options);
  ~Reconciler();

  // Throws k8s::Error for what the cluster did; the caller backs off per key. Called only when all
  // watches have synced.
  Action reconcile(const k8s::ObjectKey& key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reconcilers
