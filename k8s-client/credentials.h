// The rotating parts of a ClusterConfig: bearer token and TLS material, from files that are read
// again or an exec plugin that is run again while we run. Shared by the transports, so that a
// plugin runs once for all of them. Thread-safe; nothing here waits.
//
// A plugin runs beside us: at the start, shortly before its credentials expire, and after a 401.
// Until they do expire, the old ones are used. It runs at most every 5 s, whatever it answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/config.h"
#include "k8s-client/guarded.h"
#include "k8s-client/subprocess.h"
#include "k8s-client/tls.h"

namespace k8s {

// What one request is sent with. Equal: the same token and the same TLS material in memory.
struct Identity {
  std::string token;  // empty: none
  std::shared_ptr<const TlsMaterial> tls;
  bool operator==(const Identity&) const = default;
};

class Credentials {
 public:
  using Warn = std::function<void(const std::string&)>;

  // Throws ConfigError: a file is missing, OpenSSL refuses a certificate, or the token has
  // characters that no header may carry. `warn` hears once of each trouble that we live with.
  explicit Credentials(ClusterConfig config, Warn warn = {}, Now now = {});

  const ClusterConfig& config() const { return config_; }

  // nullopt: the plugin runs and there is nothing to send with before it has ended; ask again soon.
  // Throws TransportError (Connect) when it failed and there is nothing to send with. Looks at a
  // token file every 60 s, at other files every 10 s; keeps what it has when they are wrong. Of a
  // pair of files that is only half rewritten nothing is taken.
  std::optional<Identity> current();
  // After a 401: whatever `current` gives next has been looked up after it, or at most 1 s before:
  // a server that refuses every request must not make us read the files for each.
  void refuse(const Identity& identity);

 private:
  struct Trouble {
    std::string text;
    bool told = false;
  };
  struct State {
    Identity identity;
    Clock::time_point token_read, tls_read;
    Clock::time_point next_refused_read = Clock::time_point::min();
    Trouble token_trouble, tls_trouble;

    std::unique_ptr<Subprocess> run;  // of the plugin
    bool known = false;               // it has given credentials once
    bool refused = false;             // and the server refuses them
    Clock::time_point expires = Clock::time_point::max();
    Clock::time_point next_run = Clock::time_point::min();
    Clock::time_point last_run = Clock::time_point::min();
    std::string failure = {};  // of the last run
  };
  void read_token(State& state);
  void read_tls(State& state);
  void notice(Trouble& trouble, const std::string& text);

  void tend_plugin(State& state);
  void start_plugin(State& state);
  void finish_plugin(State& state, const Subprocess::Result& result);
  void take(State& state, const std::string& output);

  const ClusterConfig config_;
  const Warn warn_;
  const Now now_;
  Guarded<State> state_;
};

// `current`, waited for. Throws TransportError: Deadline, or Cancelled once `stopped` says so.
Identity await_identity(Credentials& credentials, Clock::time_point deadline,
                        const std::function<bool()>& stopped = {});

}  // namespace k8s
