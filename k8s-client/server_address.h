// `server` of a configuration, taken apart and checked against what we can and may speak to. Pure.
#pragma once

#include <string>

#include "k8s-client/config.h"

namespace k8s {

struct ServerAddress {
  std::string url;   // without a slash at the end
  std::string host;  // of an IPv6 address: without brackets
  std::string port;  // a number, the scheme's default when none is written
  std::string path;  // what follows in `url`, often nothing
  bool tls = false;
  bool ipv6 = false;
};

// Throws ConfigError: no https (but on loopback and without credentials), no CA, an IPv6 zone.
ServerAddress check_server(const ClusterConfig& config);

}  // namespace k8s
