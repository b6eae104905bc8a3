// Where the API server is and who we are, as one value: from kubeconfigs or from the files that a
// pod is given. Rotating parts (token file, CA, exec plugin) are looked up by `credentials.h`.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "k8s-client/json.h"

namespace k8s {

// A program that prints credentials (client.authentication.k8s.io). Never run by a shell, never
// interactive.
struct ExecPlugin {
  std::string place = {};  // "kubeconfig FILE: users[NAME].exec", for messages
  std::string api_version = {};
  std::string command = {};  // an absolute path, or a name that is looked up in PATH
  std::vector<std::string> args = {};
  std::vector<std::pair<std::string, std::string>> env = {};  // beside our own environment
  std::string install_hint = {};
  bool provide_cluster_info = false;
  Json cluster_extension = nullptr;  // the cluster's client.authentication.k8s.io/exec
};

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
  std::string ns = {};             // namespace of the context or of the pod
  bool insecure = false;           // the server's certificate is not verified
  bool in_pod = false;             // from the files of a pod
  std::string cluster_place = {};  // "kubeconfig FILE: clusters[NAME]", for messages; may be empty
  std::string user_place = {};     // the same of the user
  std::optional<ExecPlugin> exec = {};
  std::vector<std::string> warnings = {};  // for the log, once
};

// All throw ConfigError with file, place, value (never a secret) and remedy. `context` empty:
// current-context.

// As kubectl finds it: `kubeconfig` alone if it is not empty; else the files of KUBECONFIG; else,
// in a pod, in_cluster(); else ~/.kube/config.
ClusterConfig load_config(const std::string& kubeconfig, const std::string& context);
// This file alone.
ClusterConfig load_kubeconfig(const std::string& path, const std::string& context = "");
// Merged by kubectl's rules: the first file that has an entry, or sets current-context, wins;
// files that do not exist are left out.
ClusterConfig load_kubeconfigs(const std::vector<std::string>& paths,
                               const std::string& context = "");
// From KUBERNETES_SERVICE_HOST/PORT and /var/run/secrets/kubernetes.io/serviceaccount.
ClusterConfig in_cluster(
    const std::string& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace k8s
