// A small HTTP server for probes and metrics: GET and HEAD, one thread of its own, bounded in
// everything that a stranger can make it hold. Owned by the Manager; `stop` (or the destructor) may
// be called from any thread but the handler's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "operator/bind_address.h"

namespace op {

struct HttpAnswer {
  int status = 200;
  std::string body = {};
  std::string content_type = "text/plain; charset=utf-8";
};

// Called on the server's thread with the path, without its query. An exception becomes a 500.
using HttpHandler = std::function<HttpAnswer(const std::string& path)>;

struct HttpLimits {
  std::size_t header_bytes = std::size_t{8} * 1024;
  std::size_t connections = 64;  // beyond it the longest idle one is closed
  std::chrono::milliseconds read{5'000};
  std::chrono::milliseconds write{10'000};
  std::chrono::milliseconds accept_pause{100};  // after an accept that failed (no descriptors)
};

class HttpServer {
 public:
  // Listens and serves from here on. Throws std::runtime_error naming address and reason.
  HttpServer(const BindAddress& address, HttpHandler handler, HttpLimits limits = {});
  ~HttpServer();

  std::uint16_t port() const;
  void stop();  // at once: answers under way are cut; idempotent

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace op
