// What shows only after many repetitions: races of cancelling, and leaks. LONG_TESTS=1 runs the
// numbers that docs/reliability.md states; otherwise fewer.
#include <dirent.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "k8s-client/errors.h"
#include "k8s-client/rest_transport.h"
#include "k8s-client/watcher.h"
#include "tests/k8s-client/fault_server.h"

namespace k8s {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = FaultServer::Connection;

// The allocators of the sanitizers keep what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsTold = false;
#else
constexpr bool kMemoryIsTold = true;
#endif

bool is_long() { return std::getenv("LONG_TESTS") != nullptr; }

long resident_kilobytes() {
  ::malloc_trim(0);
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / 1024;
}

int open_files() {
  DIR* folder = ::opendir("/proc/self/fd");
  int count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

// Streams over TLS that are full of data, closed at random moments by several threads: while they
// connect, shake hands, wait for the answer or read.
TEST(Stress, StreamsOverTlsCanBeCancelledAtAnyMoment) {
  const int cancels = is_long() ? 100'000 : 2'000;
  constexpr int kThreads = 4;
  const TestCa ca("ca");
  FaultServer server(
      [](Connection& connection) {
        if (!connection.read()) return;
        connection.write(kChunked);
        const std::string piece = chunk(std::string(1000, 'x') + "\n");
        while (connection.write(piece)) {
        }
      },
      ca.issue("server", "IP:127.0.0.1"));
  const auto transport = make_rest_transport({.server = server.url(), .ca_pem = ca.pem()});
  std::atomic<int> left = cancels, unanswered = 0, read = 0;
  std::atomic<int> usual_wait = 5;  // ms until an answer comes on this machine
  // One in two is cancelled by its deadline, at any moment of connecting, shaking hands, asking and
  // waiting; the others by closing the stream while it is being read.
  const auto cancel_again_and_again = [&](unsigned seed) {
    std::minstd_rand random(seed);
    std::uniform_int_distribution<int> lines(0, 40), pause(0, 1500);
    for (int i = left--; i > 0; i = left--) {
      const bool early = i % 2 == 0;
      std::uniform_int_distribution<int> wait(0, usual_wait * 3 / 2);
      const milliseconds deadline = early ? milliseconds(wait(random)) : milliseconds(30'000);
      try {
        const auto begin = Clock::now();
        const auto stream = transport->open({.path = "/watch", .deadline = deadline}, seconds(30));
        const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
        if (!early) usual_wait = (usual_wait * 7 + static_cast<int>(took.count()) + 8) / 8;
        for (int line = lines(random); line > 0; --line) stream->next(seconds(30));
        std::this_thread::sleep_for(microseconds(pause(random)));
        ++read;
      } catch (const TransportError& error) {
        ASSERT_EQ(error.stage(), TransportError::Stage::Deadline) << error.what();
        ++unanswered;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) threads.emplace_back(cancel_again_and_again, i + 1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unanswered + read, cancels);
  // Both kinds must have come, or the test shows less than it says.
  EXPECT_GT(unanswered, cancels / 20);
  EXPECT_GT(read, cancels / 20);
  std::cout << cancels << " cancels: " << unanswered << " before the answer, " << read
            << " while reading\n";
  const auto after = transport->open({.path = "/watch"}, seconds(30));
  EXPECT_EQ(after->next(seconds(30)).kind, Stream::Read::Kind::Line);
}

TEST(Stress, AWatchThatIsMadeAnewAgainAndAgainLeaksNothing) {
  const int reconnects = is_long() ? 10'000 : 300;
  constexpr long kGrowthKilobytes = 4096;
  const TestCa ca("ca");
  std::atomic<int> version = 10;
  // Ends in turn properly, in a chunk, and by a reset, each time after one event.
  FaultServer server(
      [&](Connection& connection) {
        const auto request = connection.read();
        if (!request) return;
        if (request->line.find("sendInitialEvents") != std::string::npos) {
          connection.answer("{}", 422);
          return;
        }
        if (request->line.find("watch=1") == std::string::npos) {
          connection.answer(R"({"metadata":{"resourceVersion":"10"},"items":[]})");
          return;
        }
        const int number = ++version;
        const Json metadata = {{"name", "a"},
                               {"namespace", "n"},
                               {"uid", "u"},
                               {"resourceVersion", std::to_string(number)},
                               {"labels", {{"filler", std::string(2000, 'x')}}}};
        const Json event = {{"type", "MODIFIED"}, {"object", {{"metadata", metadata}}}};
        connection.write(kChunked + chunk(event.dump() + "\n"));
        if (number % 3 == 0) connection.write("0\r\n\r\n");
        if (number % 3 == 1) connection.write("20\r\nhalf");
        if (number % 3 == 2) connection.reset();
      },
      ca.issue("server", "IP:127.0.0.1"));
  const auto transport = make_rest_transport({.server = server.url(), .ca_pem = ca.pem()});
  const Client client(*transport);
  Store store;
  WatchSpec spec;
  spec.resource = {"", "v1", "configmaps", "ConfigMap"};
  Watcher watcher(client, store, spec);
  const auto reconnect_until = [&](int watches) {
    while (watcher.health().watches < watches) {
      watcher.step(Clock::now(), std::chrono::milliseconds(100));
    }
  };
  reconnect_until(reconnects / 10);
  const long memory = resident_kilobytes();
  const int files = open_files();
  reconnect_until(reconnects);
  const long grown = resident_kilobytes() - memory;
  std::cout << reconnects << " watches: memory grew by " << grown << " KiB since the first "
            << reconnects / 10 << ", open files by " << open_files() - files << "\n";
  EXPECT_TRUE(!kMemoryIsTold || grown < kGrowthKilobytes);
  EXPECT_LE(open_files(), files + 8);  // what is just being closed
  EXPECT_GE(watcher.health().events, reconnects / 2);
  EXPECT_EQ(watcher.health().lists, 1);
}

}  // namespace
}  // namespace k8s
