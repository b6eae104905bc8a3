#include <arpa/inet.h>

#include <charconv>

#include "crds/parts.h"

namespace crds {
namespace {

// With this the prefix alone is never too long.
constexpr std::size_t kKeyLength = 253;

const std::string kDnsName = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const std::string kLabelName = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
const std::string kLabelKey = "(" + kDnsName + "/)?" + kLabelName;

}  // namespace

const Text& dns_name() {
  static const Text kRule = {253, kDnsName,
                             "must be a name of lower-case letters, digits, dashes and dots"};
  return kRule;
}

const Text& label_key() {
  static const Text kRule = {kKeyLength, kLabelKey, "must be a label key like example.com/team"};
  return kRule;
}

const Text& own_label_key() {
  static const Text kRule = {
      kKeyLength,
      "(?!([a-z0-9.-]*\\.)?(entityservice\\.io|kubernetes\\.io|k8s\\.io)/|pod-template-hash$|"
      "controller-revision-hash$|job-name$|controller-uid$)" +
          kLabelKey,
      "must be a key like example.com/team; those under entityservice.io and kubernetes.io are set "
      "by the operator and the cluster"};
  return kRule;
}

const Text& label_value() {
  static const Text kRule = {
      63, "(" + kLabelName + ")?",
      "must be a label value: letters, digits, dashes, underscores and dots"};
  return kRule;
}

const Text& free_text() {
  static const Text kRule = {4096};
  return kRule;
}

bool is_address(const std::string& text) {
  in6_addr ignored = {};
  const bool mapped = text.find(':') != std::string::npos && text.find('.') != std::string::npos;
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1 ||
         (!mapped && inet_pton(AF_INET6, text.c_str(), &ignored) == 1);
}

bool is_cidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos || !is_address(text.substr(0, slash))) return false;
  const std::string bits = text.substr(slash + 1);
  const int most = text.find(':') == std::string::npos ? 32 : 128;
  int length = -1;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), length);
  const bool whole = error == std::errc() && end == bits.data() + bits.size();
  return whole && length >= 0 && length <= most && bits == std::to_string(length);
}

}  // namespace crds
