// One HTTP exchange with the API server, and one stream of lines from it. The only implementation
// for production is RestTransport; tests implement it in memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace k8s {

struct Request {
  std::string method = "GET";
  std::string path;
  std::vector<std::pair<std::string, std::string>> query = {};
  std::string body = {};
  std::string content_type = {};
  std::string accept = "application/json";
  std::chrono::milliseconds deadline{
      30'000};  // for the whole exchange; of a stream: until its status
};

struct Response {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after = {};
};

// A response body read line by line. Destroying it closes the connection. Used by one thread.
class Stream {
 public:
  struct Read {
    enum class Kind { Line, Nothing, End };  // Nothing: no line within `wait`; End: ended properly
    Kind kind;
    std::string line = {};
  };
  virtual ~Stream() = default;
  // Throws TransportError when the body breaks off or stays silent past the idle deadline.
  virtual Read next(std::chrono::milliseconds wait) = 0;
};

// Thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;
  // Any HTTP status is an answer; throws TransportError where there is none.
  virtual Response send(const Request& request) = 0;
  // Throws ApiError for an answer other than 2xx. `idle`: the longest silence that is believed.
  virtual std::unique_ptr<Stream> open(const Request& request, std::chrono::milliseconds idle) = 0;
  // For the end of the process: exchanges and streams in flight end soon, and later ones at once,
  // with a TransportError of stage Cancelled.
  virtual void close() {}
};

}  // namespace k8s
