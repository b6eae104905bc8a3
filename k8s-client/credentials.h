// The rotating parts of a ClusterConfig: bearer token and TLS material, read again from their files
// while we run. Owned by a transport. Thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/config.h"
#include "k8s-client/guarded.h"
#include "k8s-client/tls.h"

namespace k8s {

class Credentials {
 public:
  // Throws ConfigError: a file is missing, or the token has characters that no header may carry.
  explicit Credentials(ClusterConfig config, Now now = {});

  // Empty: none is configured. Reads the file again when the last reading is 60 s old; keeps the
  // old token when the file can not be read or is wrong.
  std::string token();
  // After a 401: reads the file at once. true: the token is another one now.
  bool refresh_token(const std::string& refused);

  // The same pointer while the files are unchanged (looked at every 10 s). A pair of files that is
  // only half rewritten is not taken.
  std::shared_ptr<const TlsMaterial> tls();

 private:
  struct State {
    std::string token;
    Clock::time_point token_read;
    std::shared_ptr<const TlsMaterial> tls;
    Clock::time_point tls_checked;
    std::string stamps;
  };
  void read_token(State& state) const;
  std::string stamps() const;

  const ClusterConfig config_;
  const Now now_;
  Guarded<State> state_;
};

}  // namespace k8s
