// Where an endpoint listens, as the flags say it: "HOST:PORT", ":PORT" (all addresses) or "0" (not
// at all).
#pragma once

#include <cstdint>
#include <string>

namespace op {

struct BindAddress {
  std::string host = {};   // a literal address; empty: all, IPv6 and IPv4
  std::uint16_t port = 0;  // 0: any free port
  bool enabled = true;
  bool operator==(const BindAddress&) const = default;
};

// Throws std::invalid_argument with a message that says what is accepted.
BindAddress parse_bind_address(const std::string& text);

}  // namespace op
