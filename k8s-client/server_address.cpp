#include "k8s-client/server_address.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "k8s-client/errors.h"

namespace k8s {
namespace {

[[noreturn]] void refuse(const std::string& server, const std::string& why) {
  throw ConfigError("server " + server + " " + why);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
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

}  // namespace

ServerAddress check_server(const ClusterConfig& config) {
  ServerAddress address;
  address.url = config.server;
  while (!address.url.empty() && address.url.back() == '/') address.url.pop_back();
  const std::string& url = address.url;
  address.tls = url.rfind("https://", 0) == 0;
  if (!address.tls && url.rfind("http://", 0) != 0) {
    refuse(config.server, "has no scheme: write https://HOST:PORT");
  }
  const std::size_t begin = url.find("://") + 3;
  const std::string authority = url.substr(begin, url.find('/', begin) - begin);
  if (authority.find('@') != std::string::npos) {
    refuse(config.server, "carries a user name: use a token or a client certificate");
  }
  if (authority.find('[') != std::string::npos) {
    refuse(config.server,
           "is an IPv6 address, which the HTTP library can not connect to: write a DNS name, and "
           "tls-server-name if the certificate has another one");
  }
  const std::size_t colon = authority.find(':');
  address.host = authority.substr(0, colon);
  address.port =
      colon == std::string::npos ? (address.tls ? "443" : "80") : authority.substr(colon + 1);
  if (address.host.empty()) refuse(config.server, "has no host: write https://HOST:PORT");
  if (!is_port(address.port)) refuse(config.server, "has no valid port: write https://HOST:PORT");
  if (!address.tls) {
    if (!is_loopback(address.host)) refuse(config.server, "is not encrypted: write https://");
    if (!config.token.empty() || !config.token_file.empty()) {
      refuse(config.server,
             "is not encrypted, and a token is never sent in clear text: write "
             "https:// or remove the token");
    }
  } else if (config.ca_pem.empty()) {
    refuse(config.server,
           "has no certificate authority, and those of the system are not trusted: give "
           "certificate-authority or certificate-authority-data");
  }
  if (config.tls_server_name.find_first_of(": \r\n/") != std::string::npos) {
    throw ConfigError("tls-server-name " + config.tls_server_name + " must be a DNS name alone");
  }
  return address;
}

}  // namespace k8s
