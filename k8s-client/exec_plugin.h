// What an exec plugin is told and what it answers (client.authentication.k8s.io, v1 and v1beta1).
// Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "k8s-client/config.h"

namespace k8s {

// The value of KUBERNETES_EXEC_INFO. `ca_pem`: as it is now, `config` has that of the start.
std::string exec_info(const ClusterConfig& config, const std::string& ca_pem);

struct ExecCredential {
  std::string token = {};
  std::string cert_pem = {};  // with key_pem, or both empty
  std::string key_pem = {};
  std::optional<std::chrono::sys_seconds> expires = {};
};

// Throws ConfigError that says what is wrong with `output`, without a word of it.
ExecCredential parse_exec_credential(const std::string& output, const std::string& api_version);

}  // namespace k8s
