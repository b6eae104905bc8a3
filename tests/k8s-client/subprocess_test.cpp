#include "k8s-client/subprocess.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <system_error>
#include <thread>

namespace k8s {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Subprocess::Result finish(Subprocess& process) {
  for (int looks = 0; looks < 3'000; ++looks) {
    if (auto result = process.poll()) return *result;
    std::this_thread::sleep_for(milliseconds(5));
  }
  ADD_FAILURE() << "it never ended";
  return {};
}

Subprocess::Result shell(const std::string& script, const Subprocess::Limits& limits = {}) {
  Subprocess process({"sh", "-c", script}, {"A=b", "PATH=/usr/bin:/bin"}, limits);
  return finish(process);
}

TEST(Subprocess, GivesWhatItWroteAndHowItEnded) {
  const auto good = shell("echo out; echo err >&2");
  EXPECT_EQ(good.failure, "");
  EXPECT_EQ(good.output, "out\n");
  EXPECT_EQ(good.errors, "err");
  EXPECT_EQ(shell("exit 3").failure, "exited with status 3");
  EXPECT_EQ(shell("kill -9 $$").failure, "was ended by signal 9");
}

TEST(Subprocess, ReadsMoreThanAPipeHolds) {
  EXPECT_EQ(shell("head -c 300000 /dev/zero; exit 0").output.size(), 300'000U);
}

TEST(Subprocess, HasTheGivenEnvironmentNoInputAndNoFileOfOurs) {
  const int ours = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  const auto seen =
      shell("env | grep -v PWD | grep -v _= | grep -v SHLVL | sort; cat; ls /proc/$$/fd");
  ::close(ours);
  EXPECT_EQ(seen.output, "A=b\nPATH=/usr/bin:/bin\n0\n1\n2\n");
}

TEST(Subprocess, ReceivesSignalsThatWeBlockOrIgnore) {
  sigset_t term;
  sigset_t before;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, &before);
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(shell("kill -TERM $$; sleep 5").failure, "was ended by signal 15");
  EXPECT_EQ(shell("kill -PIPE $$; sleep 5").failure, "was ended by signal 13");
  ::signal(SIGPIPE, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(Subprocess, IsKilledWhenItsTimeIsOver) {
  const auto begin = Clock::now();
  EXPECT_EQ(shell("echo slow >&2; sleep 60", {.time = milliseconds(1'000)}).failure,
            "did not end within 1 s and was killed");
  EXPECT_LT(Clock::now() - begin, milliseconds(3'000));
}

TEST(Subprocess, IsKilledWhenItWritesTooMuch) {
  EXPECT_EQ(shell("cat /dev/zero", {.output = 4096}).failure,
            "wrote more than 4 KiB and was killed");
  const auto endless = shell("while :; do echo line >&2; done", {.time = milliseconds(500)});
  EXPECT_THAT(endless.failure, HasSubstr("did not end within"));
  EXPECT_LE(endless.errors.size(), 2048U);
}

TEST(Subprocess, ItsErrorsAreOneLineWithoutControlCharacters) {
  EXPECT_EQ(shell("printf 'a\\033[31mb\\r\\n\\n c\\n' >&2").errors, "a [31mb  c");
}

TEST(Subprocess, LeavesNothingBehind) {
  const auto gone = [](const std::string& pid) {
    for (int looks = 0; looks < 200; ++looks) {
      std::ifstream stat("/proc/" + pid + "/stat");
      std::string number, name, state;
      if (!(stat >> number >> name >> state) || state == "Z") return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  };
  const std::string child = shell("sleep 60 >/dev/null 2>&1 & echo $!").output;
  EXPECT_TRUE(gone(child.substr(0, child.size() - 1)));
  const std::string path = testing::TempDir() + "subprocess-" + std::to_string(::getpid());
  std::string pid;
  {
    const Subprocess process({"sh", "-c", "echo $$ > " + path + "; sleep 60"},
                             {"PATH=/usr/bin:/bin"}, {});
    while (pid.empty()) {
      std::ifstream(path) >> pid;
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  EXPECT_TRUE(gone(pid));
  ::unlink(path.c_str());
}

TEST(Subprocess, AProgramThatIsNotThereIsAnError) {
  EXPECT_THROW(Subprocess({"no-such-program-anywhere"}, {}, {}), std::system_error);
  EXPECT_THROW(Subprocess({"/etc/passwd"}, {}, {}), std::system_error);
}

}  // namespace
}  // namespace k8s
