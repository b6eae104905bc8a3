// An HTTP server on loopback whose every byte and every misbehaviour a test decides: one function
// per connection, on plain sockets or TLS.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/k8s-client/test_ca.h"

namespace k8s {

// The head of an answer in chunks, as a watch has it, and one chunk of its body.
inline constexpr const char* kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string chunk(const std::string& bytes);

class FaultServer {
 public:
  struct Received {
    std::string line;  // "GET /path HTTP/1.1"
    std::string head;  // with the line
    std::string body;
  };

  class Connection {
   public:
    Connection(int socket, int number, void* tls) : socket_(socket), number_(number), tls_(tls) {}
    int number() const { return number_; }  // 0 is the first of the server
    std::string peer() const;  // common name of the client's certificate; empty: it has shown none
    std::optional<Received> read();        // nullopt: the client has closed
    bool write(const std::string& bytes);  // false: the client has closed
    bool answer(const std::string& body, int status = 200, const std::string& headers = "");
    void reset();     // RST instead of FIN
    void farewell();  // of TLS: a close that is announced
    bool wait_for_close();
    bool wait_for_byte();  // false: the client has closed

   private:
    long receive(char* bytes, std::size_t count);
    const int socket_;
    const int number_;
    void* const tls_;
    std::string buffer_ = {};
  };
  using Handler = std::function<void(Connection&)>;

  explicit FaultServer(Handler handler, std::optional<CertifiedKey> identity = std::nullopt,
                       const std::string& client_ca = "", const std::string& address = "127.0.0.1");
  ~FaultServer();
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  std::string url(const std::string& host = "127.0.0.1") const;
  int connections() const { return connections_; }

 private:
  void serve(int socket, int number);
  void reap();

  const Handler handler_;
  void* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::map<int, std::thread> workers_;  // by number of the connection
  std::vector<int> finished_;
  std::thread acceptor_;
};

}  // namespace k8s
