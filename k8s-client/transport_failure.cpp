#include "k8s-client/transport_failure.h"

#include <array>
#include <cerrno>
#include <string_view>

#include "k8s-client/tls.h"

namespace k8s {
namespace {

using Stage = TransportError::Stage;

struct Rule {
  std::string_view start;  // of the library's text
  Stage stage;
  const char* words;
};

constexpr std::array<Rule, 12> kRules = {{
    {"Error resolving address", Stage::Connect, "the name of the server can not be resolved"},
    {"Failed to resolve address", Stage::Connect, "the name of the server can not be resolved"},
    {"Failed to connect", Stage::Connect, "can not connect"},
    {"Error in SSL handshake", Stage::Connect, "the TLS handshake failed"},
    {"Failed to write request", Stage::Write, "the request could not be sent"},
    {"Unexpected end of request body", Stage::Write, "the request could not be sent"},
    {"Failed to read HTTP status line", Stage::Answer, "no answer came"},
    {"Invalid HTTP status line", Stage::Answer, "the answer is not HTTP"},
    {"Retrieving message chunk header", Stage::Body, "the answer broke off"},
    {"Invalid chunked response header", Stage::Body, "the answer broke off"},
    {"Failed to read chunked response", Stage::Body, "the answer broke off"},
    {"Failed to read response body", Stage::Body, "the answer broke off"},
}};

// What OpenSSL makes of an answer that is not TLS.
constexpr std::string_view kNoTls = "wrong version number";

constexpr int kAsioEndOfFile = 2;
constexpr int kAsioTlsTruncated = 1;

std::string cause(const Rule& rule, int code) {
  if (code == 0) return {};
  if (rule.start == "Error in SSL handshake" && code > 4096) {
    const std::string why = describe_openssl_error(static_cast<unsigned long>(code));
    return why == kNoTls ? why + " (what answers there does not speak TLS): correct host and port"
                         : why;
  }
  switch (code) {
    case kAsioEndOfFile:
    case kAsioTlsTruncated:
    case ECONNABORTED:
      return rule.stage == Stage::Connect ? "" : "the server closed the connection";
    case ECONNRESET:
    case EPIPE:
      return "the server reset the connection";
    case ETIMEDOUT:
      return "timed out";
    case ECONNREFUSED:
    case EHOSTUNREACH:  // cpprestsdk reports a refused connection as this, and a broken pipe
      return rule.stage == Stage::Connect ? "refused or unreachable"
                                          : "the server closed the connection";
    case ENETUNREACH:
      return "the network is unreachable";
    case ECANCELED:
      return "cancelled";
    default:
      return "error " + std::to_string(code);
  }
}

}  // namespace

Failure classify_failure(const std::string& text, int code, bool started) {
  for (const Rule& rule : kRules) {
    if (std::string_view(text).substr(0, rule.start.size()) != rule.start) continue;
    const std::string why = cause(rule, code);
    return {rule.stage, rule.words + (why.empty() ? why : ": " + why)};
  }
  return {started ? Stage::Body : Stage::Connect, text};
}

}  // namespace k8s
