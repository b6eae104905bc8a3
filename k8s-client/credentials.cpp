#include "k8s-client/credentials.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"

namespace k8s {
namespace {

constexpr std::chrono::seconds kTokenAge{60};
constexpr std::chrono::seconds kTlsAge{10};

// cpprestsdk passes CR and LF in header values through, so a token could add headers.
bool fits_header(const std::string& token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

Credentials::Credentials(ClusterConfig config, Now now)
    : config_(std::move(config)), now_(now ? std::move(now) : [] { return Clock::now(); }) {
  State state;
  state.token = trimmed(config_.token);
  if (!config_.token_file.empty()) {
    const auto content = read_file(config_.token_file);
    if (!content || trimmed(*content).empty()) {
      throw ConfigError("token file " + config_.token_file +
                        " is missing or empty: write the bearer token into it");
    }
    state.token = trimmed(*content);
  }
  if (!fits_header(state.token)) {
    throw ConfigError(
        (config_.token_file.empty() ? "the token" : "token file " + config_.token_file) +
        " has spaces, line breaks or control characters inside: it must be one token");
  }
  state.token_read = now_();
  state.tls = std::make_shared<const TlsMaterial>(
      TlsMaterial{config_.ca_pem, config_.client_cert_pem, config_.client_key_pem});
  state.tls_checked = now_();
  state.stamps = stamps();
  state_.with([&](State& own) { own = std::move(state); });
}

void Credentials::read_token(State& state) const {
  state.token_read = now_();
  const auto content = read_file(config_.token_file);
  if (!content) return;
  std::string token = trimmed(*content);
  if (!token.empty() && fits_header(token)) state.token = std::move(token);
}

std::string Credentials::token() {
  return state_.with([&](State& state) {
    if (!config_.token_file.empty() && now_() - state.token_read >= kTokenAge) read_token(state);
    return state.token;
  });
}

bool Credentials::refresh_token(const std::string& refused) {
  if (config_.token_file.empty()) return false;
  return state_.with([&](State& state) {
    if (state.token == refused) read_token(state);
    return state.token != refused;
  });
}

std::string Credentials::stamps() const {
  std::string out;
  for (const auto& file : {config_.ca_file, config_.client_cert_file, config_.client_key_file}) {
    std::error_code error;
    const auto time = file.empty() ? std::filesystem::file_time_type{}
                                   : std::filesystem::last_write_time(file, error);
    out += std::to_string(error ? 0 : time.time_since_epoch().count()) + ";";
  }
  return out;
}

std::shared_ptr<const TlsMaterial> Credentials::tls() {
  return state_.with([&](State& state) {
    if (now_() - state.tls_checked < kTlsAge) return state.tls;
    state.tls_checked = now_();
    const std::string current = stamps();
    if (current == state.stamps) return state.tls;
    TlsMaterial fresh = *state.tls;
    const auto reread = [](const std::string& file, std::string& pem) {
      if (!file.empty()) pem = read_file(file).value_or("");
    };
    reread(config_.ca_file, fresh.ca_pem);
    reread(config_.client_cert_file, fresh.cert_pem);
    reread(config_.client_key_file, fresh.key_pem);
    try {
      check_tls(fresh);
    } catch (const ConfigError&) {
      return state.tls;  // in the middle of a rotation: looked at again in 10 s
    }
    state.stamps = current;
    if (fresh != *state.tls) state.tls = std::make_shared<const TlsMaterial>(std::move(fresh));
    return state.tls;
  });
}

}  // namespace k8s
