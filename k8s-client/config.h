// Where the API server is and who we are, as one value: from a kubeconfig or from the files that a
// pod is given. Rotating parts (token file, CA) are read by `credentials.h`.
#pragma once

#include <string>

namespace k8s {

struct ClusterConfig {
  std::string server = {};   // https://host:port
  std::string ca_pem = {};   // content; empty: system roots are NOT used, ConfigError at start
  std::string ca_file = {};  // when set it is read again on rotation
  std::string client_cert_pem = {};
  std::string client_key_pem = {};
  std::string client_cert_file = {};  // when set, certificate and key are read again on rotation
  std::string client_key_file = {};
  std::string token = {};
  std::string token_file = {};  // wins over `token`; read again every 60 s and after a 401
  std::string tls_server_name = {};
  std::string ns = {};  // namespace of the context or of the pod
};

// Throws ConfigError. `context` empty: current-context. An unsupported field (exec, proxy-url, …)
// is refused by name.
ClusterConfig load_kubeconfig(const std::string& path, const std::string& context = "");
// From KUBERNETES_SERVICE_HOST/PORT and /var/run/secrets/kubernetes.io/serviceaccount.
ClusterConfig in_cluster(
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace k8s
