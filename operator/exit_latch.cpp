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

sigset_t our_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  return signals;
}

int checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return descriptor;
}

}  // namespace

void block_signals() {
  const sigset_t signals = our_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

ExitLatch::ExitLatch() : event_(checked(eventfd(0, EFD_CLOEXEC), "eventfd")) {
  const sigset_t signals = our_signals();
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

ExitReason ExitLatch::wait(const std::function<void(int)>& told) {
  pollfd events[] = {{event_, POLLIN, 0}, {signals_, POLLIN, 0}};
  for (bool ending = false; !ending;) {
    if (poll(events, 2, -1) < 0) {
      ending = errno != EINTR;
      continue;
    }
    ending = (events[0].revents & POLLIN) != 0;
    if ((events[1].revents & POLLIN) != 0) ending = read_signal(told) || ending;
  }
  const std::lock_guard lock(mutex_);
  return reason_.value_or(ExitReason{1, "poll failed"});
}

bool ExitLatch::read_signal(const std::function<void(int)>& told) {
  signalfd_siginfo info{};
  if (read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return false;
  if (info.ssi_signo == SIGUSR1) {
    if (told) told(info.ssi_code == SI_QUEUE ? info.ssi_int : 0);
    return false;
  }
  set(0, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
  return true;
}

}  // namespace op
