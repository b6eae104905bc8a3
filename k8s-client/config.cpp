#include "k8s-client/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"

namespace k8s {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Each path once, in order; empty ones say nothing.
std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    const std::string path = list.substr(begin, end - begin);
    if (!path.empty() && std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
    begin = end + 1;
  }
  return paths;
}

ClusterConfig choose(const std::string& kubeconfig, const std::string& context) {
  if (!kubeconfig.empty()) return load_kubeconfig(kubeconfig, context);
  const std::string list = environment("KUBECONFIG");
  if (!list.empty()) return load_kubeconfigs(split_list(list), context);
  if (!environment("KUBERNETES_SERVICE_HOST").empty()) {
    if (context.empty()) return in_cluster();
    throw ConfigError("--context '" + context +
                      "' names a context of a kubeconfig, and a pod has none: give --kubeconfig or "
                      "KUBECONFIG, or leave --context out");
  }
  const std::string home = environment("HOME") + "/.kube/config";
  if (std::error_code error; std::filesystem::exists(home, error)) {
    return load_kubeconfig(home, context);
  }
  throw ConfigError(
      "there is no API server to connect to: give --kubeconfig or set KUBECONFIG; this is not a "
      "pod, and " +
      home + " does not exist");
}

}  // namespace

ClusterConfig load_config(const std::string& kubeconfig, const std::string& context) {
  ClusterConfig config = choose(kubeconfig, context);
  for (const char* name : {"HTTPS_PROXY", "https_proxy"}) {
    if (environment(name).empty()) continue;
    config.warnings.push_back(std::string(name) +
                              " is set and not used: the API server is reached directly");
    break;
  }
  return config;
}

ClusterConfig in_cluster(const std::string& directory) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    throw ConfigError(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is not a pod: "
        "name a kubeconfig");
  }
  ClusterConfig config;
  config.in_pod = true;
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server = "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port;
  config.ca_file = directory + "/ca.crt";
  config.token_file = directory + "/token";
  const auto read = [](const std::string& path) {
    auto content = read_file(path);
    if (!content || trimmed(*content).empty()) {
      throw ConfigError(path +
                        " is missing or empty: the pod needs a ServiceAccount with "
                        "automountServiceAccountToken: true");
    }
    return std::move(*content);
  };
  config.ca_pem = read(config.ca_file);
  config.token = trimmed(read(config.token_file));
  config.ns = trimmed(read_file(directory + "/namespace").value_or(""));
  return config;
}

}  // namespace k8s
