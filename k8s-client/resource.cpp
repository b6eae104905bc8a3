#include "k8s-client/resource.h"

namespace k8s {

std::string collection_path(const Resource& resource, const std::string& ns) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + resource.group + "/";
  path += resource.version;
  if (resource.namespaced && !ns.empty()) path += "/namespaces/" + ns;
  return path + "/" + resource.plural;
}

std::string object_path(const Resource& resource, const std::string& ns, const std::string& name,
                        const std::string& subresource) {
  std::string path = collection_path(resource, ns) + "/" + name;
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

}  // namespace k8s
