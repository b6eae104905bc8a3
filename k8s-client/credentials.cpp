#include "k8s-client/credentials.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "k8s-client/exec_plugin.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stage = TransportError::Stage;

constexpr seconds kTokenAge{60};
constexpr seconds kTlsAge{10};
constexpr seconds kBeforeExpiry{10};
constexpr seconds kBetweenRuns{5};
constexpr seconds kBetweenRefusals{1};                      // that make us read files
constexpr seconds kLongest = std::chrono::hours(24 * 365);  // what is added to a clock
constexpr milliseconds kLook{10};
constexpr const char* kExecInfo = "KUBERNETES_EXEC_INFO=";

// cpprestsdk passes CR and LF in header values through, so a token could add headers.
bool fits_header(const std::string& token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 127; });
}

// Our own environment but for what `plugin` sets.
std::vector<std::string> environment_for(const ExecPlugin& plugin, const std::string& info) {
  std::vector<std::string> added;
  for (const auto& [name, value] : plugin.env) added.push_back(name + "=" + value);
  added.push_back(kExecInfo + info);
  const auto name_of = [](const std::string& one) { return one.substr(0, one.find('=')); };
  std::vector<std::string> out;
  for (const auto& own : original_environment()) {
    const auto same = [&](const std::string& one) { return name_of(one) == name_of(own); };
    if (std::ranges::none_of(added, same)) out.push_back(own);
  }
  out.insert(out.end(), added.begin(), added.end());
  return out;
}

void check_at(const std::string& place, const TlsMaterial& material) {
  try {
    check_tls(material);
  } catch (const ConfigError& error) {
    throw ConfigError((place.empty() ? "" : place + ": ") + error.what());
  }
}

std::string with_files(std::string place, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    if (!file.empty()) place += (place.empty() ? "" : ", ") + ("file " + file);
  }
  return place;
}

void check_material(const ClusterConfig& config, const TlsMaterial& material) {
  if (config.server.rfind("https://", 0) != 0) return;
  check_at(with_files(config.cluster_place, {config.ca_file}),
           {.ca_pem = material.ca_pem, .insecure = material.insecure});
  check_at(with_files(config.user_place, {config.client_cert_file, config.client_key_file}),
           material);
}

}  // namespace

Credentials::Credentials(ClusterConfig config, Warn warn, Now now)
    : config_(std::move(config)),
      warn_(warn ? std::move(warn) : [](const std::string&) {}),
      now_(now ? std::move(now) : [] { return Clock::now(); }) {
  std::string token = trimmed(config_.token);
  std::string place = config_.user_place.empty() ? "the token" : config_.user_place + ".token";
  if (!config_.token_file.empty()) {
    const std::string content = trimmed(read_file(config_.token_file).value_or(""));
    if (content.empty() && token.empty()) {
      throw ConfigError("token file " + config_.token_file +
                        " is missing or empty: write the bearer token into it");
    }
    if (!content.empty()) {
      token = content;
      place = "token file " + config_.token_file;
    }
  }
  if (!fits_header(token)) {
    throw ConfigError(place +
                      " has spaces, line breaks or control characters inside: it must be one "
                      "token");
  }
  const TlsMaterial material{.ca_pem = config_.ca_pem,
                             .cert_pem = config_.client_cert_pem,
                             .key_pem = config_.client_key_pem,
                             .insecure = config_.insecure};
  check_material(config_, material);
  state_.with([&](State& state) {
    state.identity = {std::move(token), std::make_shared<const TlsMaterial>(material)};
    state.token_read = state.tls_read = now_();
  });
}

std::optional<Identity> Credentials::current() {
  return state_.with([&](State& state) -> std::optional<Identity> {
    if (!config_.token_file.empty() && now_() - state.token_read >= kTokenAge) read_token(state);
    if (now_() - state.tls_read >= kTlsAge) read_tls(state);
    if (!config_.exec) return state.identity;
    tend_plugin(state);
    const bool expired = now_() >= state.expires;
    if (state.run && (!state.known || expired || state.refused)) return std::nullopt;
    if (!state.failure.empty() && (!state.known || expired)) {
      throw TransportError(Stage::Connect, state.failure);
    }
    return state.identity;
  });
}

void Credentials::refuse(const Identity& identity) {
  state_.with([&](State& state) {
    if (state.identity != identity) return;
    if (now_() >= state.next_refused_read) {
      state.next_refused_read = now_() + kBetweenRefusals;
      if (!config_.token_file.empty()) read_token(state);
      read_tls(state);
    }
    if (!config_.exec) return;
    // A run under way began before the refusal or because of another one; both are new enough.
    if (!state.run && now_() < state.last_run + kBetweenRuns) return;
    state.refused = true;
    if (!state.run) start_plugin(state);
  });
}

void Credentials::notice(Trouble& trouble, const std::string& text) {
  if (trouble.text != text) {
    trouble = {text, false};  // may be the middle of a rotation: told when it is there next time
  } else if (!trouble.told) {
    trouble.told = true;
    warn_(text);
  }
}

void Credentials::read_token(State& state) {
  state.token_read = now_();
  std::string token = trimmed(read_file(config_.token_file).value_or(""));
  if (token.empty() || !fits_header(token)) {
    notice(state.token_trouble, "token file " + config_.token_file +
                                    " can not be read or holds no token: the last good one is "
                                    "used on");
    return;
  }
  state.token_trouble = {};
  state.identity.token = std::move(token);
}

void Credentials::read_tls(State& state) {
  state.tls_read = now_();
  TlsMaterial fresh = *state.identity.tls;
  const auto reread = [](const std::string& file, std::string& pem) {
    if (!file.empty()) pem = read_file(file).value_or("");
  };
  reread(config_.ca_file, fresh.ca_pem);
  reread(config_.client_cert_file, fresh.cert_pem);
  reread(config_.client_key_file, fresh.key_pem);
  if (fresh == *state.identity.tls) {
    state.tls_trouble = {};
    return;
  }
  try {
    check_material(config_, fresh);
    if (fresh.cert_pem.empty() != state.identity.tls->cert_pem.empty()) {
      throw ConfigError("the client certificate file is empty or can not be read");
    }
  } catch (const ConfigError& error) {
    notice(state.tls_trouble, std::string(error.what()) +
                                  ": changed certificate files are not taken, the last good ones "
                                  "are used on");
    return;
  }
  state.tls_trouble = {};
  state.identity.tls = std::make_shared<const TlsMaterial>(std::move(fresh));
}

void Credentials::tend_plugin(State& state) {
  if (!state.run && now_() >= state.next_run) start_plugin(state);
  if (!state.run) return;
  const auto result = state.run->poll();
  if (!result) return;
  state.run.reset();
  finish_plugin(state, *result);
}

void Credentials::start_plugin(State& state) {
  const ExecPlugin& plugin = *config_.exec;
  state.last_run = now_();
  std::vector<std::string> arguments = {plugin.command};
  arguments.insert(arguments.end(), plugin.args.begin(), plugin.args.end());
  try {
    state.run = std::make_unique<Subprocess>(
        arguments, environment_for(plugin, exec_info(config_, state.identity.tls->ca_pem)),
        Subprocess::Limits{});
  } catch (const std::system_error& error) {
    std::string failure = "can not be started: " + error.code().message();
    if (!plugin.install_hint.empty()) failure += "; " + plugin.install_hint;
    finish_plugin(state, {.failure = failure});
  }
}

void Credentials::finish_plugin(State& state, const Subprocess::Result& result) {
  state.refused = false;
  std::string failure = result.failure;
  if (failure.empty()) {
    try {
      take(state, result.output);
    } catch (const ConfigError& error) {
      failure = error.what();
    }
  }
  if (failure.empty()) {
    state.failure.clear();
    return;
  }
  state.next_run = now_() + kBetweenRuns;
  failure = config_.exec->place + ": '" + config_.exec->command + "' " + failure;
  if (!result.errors.empty()) failure += "; it said: " + result.errors;
  if (state.failure != failure && state.known) warn_(failure);
  state.failure = failure;
}

void Credentials::take(State& state, const std::string& output) {
  ExecCredential credential = parse_exec_credential(output, config_.exec->api_version);
  if (!fits_header(credential.token)) {
    throw ConfigError("printed a token with spaces, line breaks or control characters inside");
  }
  TlsMaterial fresh = *state.identity.tls;
  fresh.cert_pem = std::move(credential.cert_pem);
  fresh.key_pem = std::move(credential.key_pem);
  if (fresh != *state.identity.tls) {
    if (!fresh.cert_pem.empty()) check_tls(fresh);
    state.identity.tls = std::make_shared<const TlsMaterial>(std::move(fresh));
  }
  state.identity.token = std::move(credential.token);
  state.known = true;
  state.expires = state.next_run = Clock::time_point::max();
  if (credential.expires) {
    const auto today = std::chrono::floor<seconds>(std::chrono::system_clock::now());
    state.expires = now_() + std::clamp<seconds>(*credential.expires - today, -kLongest, kLongest);
    state.next_run = std::max(state.expires - kBeforeExpiry, now_() + kBetweenRuns);
  }
}

Identity await_identity(Credentials& credentials, Clock::time_point deadline,
                        const std::function<bool()>& stopped) {
  for (;;) {
    if (auto identity = credentials.current()) return std::move(*identity);
    if (stopped && stopped()) throw TransportError(Stage::Cancelled, "the client is stopping");
    if (Clock::now() >= deadline) {
      throw TransportError(Stage::Deadline,
                           credentials.config().exec->place + ": the plugin is still running");
    }
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace k8s
