#include "operator/exit_latch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

namespace op {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

}  // namespace

void block_stop_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

ExitLatch::ExitLatch() : event_(checked(eventfd(0, EFD_CLOEXEC), "eventfd")) {
  const sigset_t signals = stop_signals();
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
  if (signals_ < 0) {
    close(event_);
    checked(signals_, "signalfd");
  }
}

ExitLatch::~ExitLatch() {
  close(event_);
  close(signals_);
}

void ExitLatch::set(int code, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (reason_) return;
  reason_ = ExitReason{code, why};
  const std::uint64_t one = 1;
  // Cannot fail: the counter is far from its limit.
  [[maybe_unused]] const auto written = write(event_, &one, sizeof one);
}

ExitReason ExitLatch::wait() {
  pollfd events[] = {{event_, POLLIN, 0}, {signals_, POLLIN, 0}};
  while (poll(events, 2, -1) < 0 && errno == EINTR) {
  }
  if ((events[1].revents & POLLIN) != 0) {
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      set(0, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    }
  }
  const std::lock_guard lock(mutex_);
  return reason_.value_or(ExitReason{1, "poll failed"});
}

}  // namespace op
