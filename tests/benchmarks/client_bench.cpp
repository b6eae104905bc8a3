// How much eight watches and a bulk stream beside them delay small requests of the same process.
// The whole client has one thread for the network, so this is where it would show. Idle and busy
// rounds alternate, so that both see the same machine.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "k8s-client/rest_transport.h"
#include "tests/k8s-client/fault_server.h"

namespace {

using k8s::chunk;
using k8s::Clock;
using k8s::FaultServer;
using k8s::kChunked;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kWatches = 8;
constexpr int kRounds = 10;
constexpr int kRequestsPerRound = 400;
// What is promised; beyond it the exit status is 1.
constexpr double kMostMedian = 3, kMostP99 = 10;

void serve(FaultServer::Connection& connection) {
  while (const auto request = connection.read()) {
    const bool bulk = request->line.starts_with("GET /bulk");
    if (!bulk && !request->line.starts_with("GET /watch")) {
      connection.answer(std::string(2000, 'x'));
      continue;
    }
    const std::string line = chunk(std::string(bulk ? 5000 : 1000, 'x') + "\n");
    if (!connection.write(kChunked)) return;
    while (connection.write(line)) {
      if (!bulk) std::this_thread::sleep_for(milliseconds(100));
    }
  }
}

// Eight watches with ten events a second each, and a stream as fast as it goes.
class Load {
 public:
  explicit Load(k8s::Transport& transport) {
    for (int i = 0; i <= kWatches; ++i) {
      const std::string path = i == kWatches ? "/bulk" : "/watch";
      readers_.emplace_back([this, &transport, path] {
        const auto stream = transport.open({.path = path}, seconds(60));
        while (!stop_) {
          const auto read = stream->next(milliseconds(100));
          if (path == "/bulk") bytes_ += read.line.size();
        }
      });
    }
  }
  ~Load() {
    stop_ = true;
    for (std::thread& reader : readers_) reader.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  std::size_t bytes() const { return bytes_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> bytes_ = 0;
  std::vector<std::thread> readers_;
};

void measure(k8s::Transport& transport, std::vector<double>& times) {
  for (int i = 0; i < kRequestsPerRound; ++i) {
    const auto begin = Clock::now();
    if (transport.send({.path = "/small"}).status != 200) std::abort();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
}

double quantile(std::vector<double>& times, double which) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(which * static_cast<double>(times.size() - 1))];
}

}  // namespace

int main() {
  const k8s::TestCa ca("ca");
  FaultServer server(serve, ca.issue("server", "IP:127.0.0.1"));
  const auto transport = k8s::make_rest_transport({.server = server.url(), .ca_pem = ca.pem()});
  std::vector<double> idle, busy;
  double megabytes = 0, loaded_seconds = 0;
  transport->send({.path = "/small"});
  for (int round = 0; round < kRounds; ++round) {
    measure(*transport, idle);
    Load load(*transport);
    std::this_thread::sleep_for(milliseconds(300));
    const auto begin = Clock::now();
    const std::size_t before = load.bytes();
    measure(*transport, busy);
    megabytes += static_cast<double>(load.bytes() - before) / 1e6;
    loaded_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  }
  const double medians[] = {quantile(idle, 0.5), quantile(busy, 0.5)};
  const double p99s[] = {quantile(idle, 0.99), quantile(busy, 0.99)};
  const double median = medians[1] / medians[0], p99 = p99s[1] / p99s[0];
  std::printf("%-34s %10s %10s\n", "small requests over TLS, us", "median", "p99");
  std::printf("%-34s %10.0f %10.0f\n", "alone", medians[0], p99s[0]);
  std::printf("%-34s %10.0f %10.0f\n", "with 8 watches and a bulk stream", medians[1], p99s[1]);
  std::printf("%-34s %9.1fx %9.1fx   (promised: at most %.0fx and %.0fx)\n", "ratio", median, p99,
              kMostMedian, kMostP99);
  std::printf("the bulk stream meanwhile: %.0f MB/s\n", megabytes / loaded_seconds);
  return median <= kMostMedian && p99 <= kMostP99 ? 0 : 1;
}
