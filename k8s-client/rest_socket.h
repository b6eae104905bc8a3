// Part of rest_transport.cpp, and only of it: the sockets of cpprestsdk's connections. They get
// their keepalive before they connect, because there is no later chance.
#pragma once

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "k8s-client/rest_sink.h"
#include "k8s-client/server_address.h"

namespace k8s::rest {

using boost::asio::ip::tcp;

constexpr std::chrono::seconds kLongestResolve{2};

// A dead peer is noticed after half a minute instead of never.
inline void keep_alive(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

// AF_INET or AF_INET6 of the first address of a name, 0 while it is unknown. The socket has to be
// opened before the library resolves, so the family has to be known by then.
class Family {
 public:
  explicit Family(const ServerAddress& address)
      : host_(address.host), port_(address.port), value_(std::make_shared<std::atomic<int>>(0)) {
    boost::system::error_code error;
    const auto literal = boost::asio::ip::make_address(host_, error);
    if (!error) {
      *value_ = literal.is_v6() ? AF_INET6 : AF_INET;
      return;
    }
    resolve().wait_for(kLongestResolve);
  }

  int get() const { return *value_; }

  std::future<void> resolve() const {
    const auto resolver = std::make_shared<tcp::resolver>(pool());
    const auto done = std::make_shared<std::promise<void>>();
    resolver->async_resolve(tcp::resolver::query(host_, port_),
                            [resolver, done, value = value_](const boost::system::error_code& error,
                                                             tcp::resolver::iterator first) {
                              if (!error && first != tcp::resolver::iterator()) {
                                *value = first->endpoint().protocol().family();
                              }
                              done->set_value();
                            });
    return done->get_future();
  }

 private:
  const std::string host_;
  const std::string port_;
  const std::shared_ptr<std::atomic<int>> value_;
};

inline void prepare_socket(void* handle, bool tls, int family) {
  if (family == 0) return;
  auto& socket = tls ? static_cast<boost::asio::ssl::stream<tcp::socket&>*>(handle)->next_layer()
                     : *static_cast<tcp::socket*>(handle);
  if (!socket.is_open()) {
    boost::system::error_code ignored;  // connecting opens it then, without keepalive
    socket.open(family == AF_INET6 ? tcp::v6() : tcp::v4(), ignored);
  }
  if (socket.is_open()) keep_alive(socket.native_handle());
}

}  // namespace k8s::rest
