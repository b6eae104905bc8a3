#include "operator/bind_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <stdexcept>

namespace op {
namespace {

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

BindAddress parse_bind_address(const std::string& text) {
  if (text == "0") return {.enabled = false};
  const auto refuse = [&text](const std::string& why) {
    return std::invalid_argument(
        "'" + text + "' is no listening address (" + why +
        "): write :PORT, ADDRESS:PORT, [IPV6]:PORT, or 0 to switch it off");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw refuse("no port");
  BindAddress address;
  address.host = text.substr(0, colon);
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    throw refuse("an IPv6 address stands in brackets");
  }
  if (!address.host.empty() && !is_address(address.host)) throw refuse("the host is no IP address");
  const char* const first = text.data() + colon + 1;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, address.port);
  if (error != std::errc{} || end != last) throw refuse("the port is no number from 0 to 65535");
  return address;
}

}  // namespace op
