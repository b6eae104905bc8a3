// The API server's verbs, one method one request (repeated only where `retry.h` allows). Adds no
// defaults and validates nothing that the server validates. Thread-safe as its Transport is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/json.h"
#include "k8s-client/resource.h"
#include "k8s-client/transport.h"

namespace k8s {

struct Selector {
  std::string labels = {};
  std::string fields = {};
};

// The guards of server-side apply: `create` never touches what exists (409 AlreadyExists or
// Conflict), `update` never resurrects and never touches a successor (409).
struct Guard {
  static Guard create() { return {""}; }
  static Guard update(std::string uid) { return {std::move(uid)}; }
  std::string uid;  // empty: create
};

// A delete always says what it means to delete. propagation: Background | Foreground | Orphan.
struct Precondition {
  std::string uid;
  std::string resource_version;  // empty: any
};

class Client {
 public:
  // `transport` must outlive the client. `sleep` waits between repetitions.
  explicit Client(Transport& transport, Sleep sleep = {});

  Json get(const Resource& resource, const std::string& ns, const std::string& name) const;
  std::optional<Json> find(const Resource& resource, const std::string& ns,
                           const std::string& name) const;

  // Calls `on_item` for each object, page by page (limit 500); returns the list's resourceVersion.
  // 410 in the middle of the pages starts over and calls `on_restart` first. `metadata_only` asks
  // for PartialObjectMetadata.
  std::string list(const Resource& resource, const std::string& ns, const Selector& selector,
                   const std::function<void(Json&&)>& on_item,
                   const std::function<void()>& on_restart = {}, bool metadata_only = false) const;

  // Server-side apply, force=true, of a full intent as field manager `manager`. The body carries
  // apiVersion, kind, metadata.name and metadata.namespace. Returns the object as stored.
  Json apply(const Resource& resource, Json body, const std::string& manager,
             const Guard& guard) const;
  // Server-side apply on the subresource "status".
  Json patch_status(const Resource& resource, Json body, const std::string& manager) const;
  // Merge patch of the subresource "scale" to `replicas`, of this uid alone: 409 from a successor.
  // Returns the Scale.
  Json scale(const Resource& resource, const std::string& ns, const std::string& name,
             const std::string& uid, std::int64_t replicas, const std::string& manager) const;
  // JSON merge patch (leases, retention); `body` may carry metadata.uid and resourceVersion.
  Json merge(const Resource& resource, const std::string& ns, const std::string& name,
             const Json& body, const std::string& manager) const;

  Json create(const Resource& resource, const std::string& ns, const Json& body,
              const std::string& manager) const;  // POST; throws ApiError 409 if it exists
  Json update(const Resource& resource, const std::string& ns, const std::string& name,
              const Json& body, const std::string& manager) const;  // PUT with resourceVersion
  // false: it was gone already, or a successor stands there (404, 409).
  bool remove(const Resource& resource, const std::string& ns, const std::string& name,
              const Precondition& precondition, const std::string& propagation) const;

  Transport& transport() const { return transport_; }

 private:
  struct Call;  // a request, whether it may be sent twice, and what it is called in messages
  Json exchange(const Call& call) const;
  Json apply_to(const Resource& resource, const Json& body, const std::string& manager,
                const std::string& subresource) const;
  Transport& transport_;
  Sleep sleep_;
};

}  // namespace k8s
