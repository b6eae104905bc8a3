#include "operator/log_level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sstream>
#include <thread>
#include <vector>

#include "operator/exit_latch.h"
#include "operator/logging.h"

namespace op {
namespace {

struct LogLevel : testing::Test {
  static void SetUpTestSuite() { block_signals(); }

  int send(int pid) {
    std::ostringstream out;
    errors.str("");
    return send_log_level({.level = spdlog::level::warn, .pid = pid}, out, errors);
  }
  std::ostringstream errors;
};

TEST_F(LogLevel, ReachesAProcessThatWaitsForItAndDoesNotEndIt) {
  ExitLatch latch;
  std::vector<int> told;
  EXPECT_EQ(send(getpid()), 0) << errors.str();
  kill(getpid(), SIGTERM);
  std::thread([&] {
    const ExitReason reason = latch.wait([&told](int value) { told.push_back(value); });
    EXPECT_EQ(reason.code, 0);
    EXPECT_EQ(reason.why, "SIGTERM");
  }).join();
  EXPECT_THAT(told, testing::ElementsAre(level_signal(spdlog::level::warn)));
}

TEST_F(LogLevel, IsZeroFromAPlainKill) {
  ExitLatch latch;
  std::vector<int> told;
  kill(getpid(), SIGUSR1);
  latch.set(3, "enough");
  std::thread([&] {
    // Both are there: which one is looked at first does not matter.
    EXPECT_EQ(latch.wait([&told](int value) { told.push_back(value); }).code, 3);
  }).join();
  EXPECT_THAT(told, testing::ElementsAre(0));
}

TEST_F(LogLevel, IsNotSentToAProcessThatItWouldEnd) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  sigset_t none, ours;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, &ours);
  const pid_t child = fork();
  if (child == 0) {
    // fork may block all signals until it returns in the child, and does so under a sanitizer.
    if (write(pipe_ends[1], "r", 1) != 1) _exit(1);
    while (true) pause();
  }
  pthread_sigmask(SIG_SETMASK, &ours, nullptr);
  char ready = 0;
  close(pipe_ends[1]);
  EXPECT_EQ(read(pipe_ends[0], &ready, 1), 1);
  close(pipe_ends[0]);
  EXPECT_EQ(send(child), 1);
  EXPECT_THAT(errors.str(), testing::HasSubstr("is no running operator"));
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), 0) << "it lives";
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(LogLevel, IsNotSentToAnotherProgram) {
  EXPECT_EQ(send(getppid()), 1);
  EXPECT_EQ(send(1'999'999'999), 1);
  EXPECT_THAT(errors.str(), testing::HasSubstr("process 1999999999 is no running operator"));
}

}  // namespace
}  // namespace op
