#include "k8s-client/server_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "k8s-client/errors.h"

namespace k8s {
namespace {

// A password is not shown.
std::string without_user(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const std::size_t at = url.rfind('@', url.find('/', begin));
  return at == std::string::npos || at < begin ? url
                                               : url.substr(0, begin) + "..." + url.substr(at);
}

[[noreturn]] void refuse(const ClusterConfig& config, const std::string& why) {
  const std::string place = config.cluster_place.empty() ? "" : config.cluster_place + ".";
  throw ConfigError(place + "server " + without_user(config.server) + " " + why);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host == "::1") return true;
  const bool address = std::all_of(host.begin(), host.end(), [](char c) {
    return c == '.' || std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
  return address && host.rfind("127.", 0) == 0;
}

bool is_port(const std::string& port) {
  return !port.empty() && port.size() <= 5 &&
         port.find_first_not_of("0123456789") == std::string::npos && std::atoi(port.c_str()) > 0 &&
         std::atoi(port.c_str()) < 65536;
}

bool is_ipv6(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// Host and port of `authority`.
void read_authority(const ClusterConfig& config, const std::string& authority,
                    ServerAddress& address) {
  std::size_t end = authority.find(':');
  if (authority.rfind('[', 0) == 0) {
    const std::size_t bracket = authority.find(']');
    address.host = authority.substr(1, std::min(bracket, authority.size()) - 1);
    address.ipv6 = true;
    if (bracket == std::string::npos || !is_ipv6(address.host)) {
      refuse(config, "has no valid IPv6 address: write https://[ADDRESS]:PORT, without a zone");
    }
    end = bracket + 1 < authority.size() ? bracket + 1 : std::string::npos;
    if (end != std::string::npos && authority[end] != ':') {
      refuse(config, "has no valid port: write https://[ADDRESS]:PORT");
    }
  } else {
    address.host = authority.substr(0, end);
  }
  address.port =
      end == std::string::npos ? (address.tls ? "443" : "80") : authority.substr(end + 1);
  if (address.host.empty()) refuse(config, "has no host: write https://HOST:PORT");
  if (!is_port(address.port)) refuse(config, "has no valid port: write https://HOST:PORT");
}

ServerAddress take_apart(const ClusterConfig& config) {
  ServerAddress address;
  address.url = config.server;
  while (!address.url.empty() && address.url.back() == '/') address.url.pop_back();
  const std::string& url = address.url;
  address.tls = url.rfind("https://", 0) == 0;
  if (!address.tls && url.rfind("http://", 0) != 0) {
    refuse(config, "has no scheme: write https://HOST:PORT");
  }
  const std::size_t begin = url.find("://") + 3;
  const std::size_t end = std::min(url.find('/', begin), url.size());
  const std::string authority = url.substr(begin, end - begin);
  address.path = url.substr(end);
  if (authority.find('@') != std::string::npos) {
    refuse(config, "carries a user name: use a token or a client certificate");
  }
  read_authority(config, authority, address);
  return address;
}

}  // namespace

ServerAddress check_server(const ClusterConfig& config) {
  ServerAddress address = take_apart(config);
  const bool secrets = !config.token.empty() || !config.token_file.empty() || config.exec;
  if (!address.tls) {
    if (!is_loopback(address.host)) refuse(config, "is not encrypted: write https://");
    if (secrets) {
      refuse(config,
             "is not encrypted, and credentials are never sent in clear text: write https:// or "
             "remove the credentials");
    }
  } else if (config.ca_pem.empty() && !config.insecure) {
    refuse(config,
           "has no certificate authority, and those of the system are not trusted: give "
           "certificate-authority or certificate-authority-data");
  }
  if (config.tls_server_name.find_first_of(": \r\n/") != std::string::npos) {
    throw ConfigError((config.cluster_place.empty() ? "" : config.cluster_place + ".") +
                      "tls-server-name '" + config.tls_server_name +
                      "' must be a DNS name alone, without scheme and port");
  }
  return address;
}

}  // namespace k8s
