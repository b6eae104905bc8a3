// Kinds and the URLs of their objects. Values; no I/O.
#pragma once

#include <compare>
#include <string>

namespace k8s {

// One served kind. `group` is empty for the core group.
struct Resource {
  std::string group;
  std::string version;
  std::string plural;
  std::string kind;
  bool namespaced = true;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  auto operator<=>(const Resource&) const = default;
};

// Names one object of the cluster; kinds are unique among those that we handle.
struct ObjectKey {
  std::string kind;
  std::string ns;
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
  std::string text() const { return kind + " " + ns + "/" + name; }
};

// "/apis/apps/v1/namespaces/NS/deployments"; an empty namespace names the collection of all.
std::string collection_path(const Resource& resource, const std::string& ns);
std::string object_path(const Resource& resource, const std::string& ns, const std::string& name,
                        const std::string& subresource = "");

}  // namespace k8s
