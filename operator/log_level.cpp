#include "operator/log_level.h"

#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <ostream>
#include <string>

#include "operator/logging.h"

namespace op {
namespace {

// "" when there is no such process.
std::string name_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

// Whether the process reads SIGUSR1, as `run` does; it would end any other.
bool blocks_signal(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/status");
  for (std::string word; file >> word;) {
    std::uint64_t mask = 0;
    if (word == "SigBlk:" && file >> std::hex >> mask) return ((mask >> (SIGUSR1 - 1)) & 1U) != 0;
  }
  return false;
}

}  // namespace

int send_log_level(const LogLevelOptions& options, std::ostream& out, std::ostream& err) {
  const std::string pid = std::to_string(options.pid);
  if (name_of(pid).empty() || name_of(pid) != name_of("self") || !blocks_signal(pid)) {
    err << "error: process " << pid
        << " is no running operator; run this in the operator's container, or give --pid\n";
    return 1;
  }
  sigval value{};
  value.sival_int = level_signal(options.level);
  if (sigqueue(options.pid, SIGUSR1, value) != 0) {
    err << "error: process " << pid << ": " << std::strerror(errno) << "\n";
    return 1;
  }
  out << "told process " << pid << "; its log says so\n";
  return 0;
}

}  // namespace op
