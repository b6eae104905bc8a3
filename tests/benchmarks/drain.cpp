#include <atomic>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/benchmarks/lines.h"
#include "tests/benchmarks/tools.h"

namespace bench {
namespace {

// The bookmark that ends a streamed list says so; no event of ours has this text in it.
constexpr const char* kEnd = "k8s.io/initial-events-end";

std::size_t drain_one(k8s::Transport& transport, const k8s::Json& asked) {
  k8s::Request request{.method = "GET", .path = asked.at(0), .accept = asked.at(1)};
  request.query = {{"watch", "1"},
                   {"allowWatchBookmarks", "true"},
                   {"sendInitialEvents", "true"},
                   {"resourceVersionMatch", "NotOlderThan"},
                   {"timeoutSeconds", "290"}};
  const std::string selector = asked.at(2);
  if (!selector.empty()) request.query.emplace_back("labelSelector", selector);
  const auto stream = transport.open(request, std::chrono::minutes(2));
  std::size_t bytes = 0;
  for (;;) {
    const auto read = stream->next(std::chrono::minutes(2));
    if (read.kind != k8s::Stream::Read::Kind::Line)
      throw std::runtime_error(request.path + ": the list ended before its end");
    bytes += read.line.size() + 1;
    if (read.line.size() < 2000 && read.line.find(kEnd) != std::string::npos) return bytes;
  }
}

}  // namespace

void drain(k8s::Transport& transport, const DrainOptions& options) {
  std::ifstream file(options.requests_file);
  const k8s::Json requests = k8s::Json::parse(file);
  std::atomic<std::size_t> bytes = 0;
  std::atomic<bool> failed = false;
  std::vector<std::thread> readers;
  for (const k8s::Json& request : requests) {
    readers.emplace_back([&] {
      try {
        bytes += drain_one(transport, request);
      } catch (const std::exception& error) {
        failed = true;
        tell({{"failed", error.what()}});
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  if (failed) throw std::runtime_error("not all lists came");
  tell({{"drained", bytes.load()}});
}

}  // namespace bench
