#include "operator/http_server.h"

#include <spdlog/spdlog.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace op {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;
using Reply = http::response<http::string_body>;

Reply to_reply(const HttpAnswer& answer, bool head, unsigned version, bool keep_alive) {
  Reply reply(static_cast<http::status>(answer.status), version);
  reply.set(http::field::content_type, answer.content_type);
  reply.set(http::field::cache_control, "no-store");
  reply.keep_alive(keep_alive);
  if (head) {
    reply.content_length(answer.body.size());
  } else {
    reply.body() = answer.body;
    reply.prepare_payload();
  }
  return reply;
}

tcp::acceptor listen(asio::io_context& io, const BindAddress& address) {
  const auto open = [&io, port = address.port](const asio::ip::address& ip, bool dual) {
    tcp::acceptor acceptor(io);
    const tcp::endpoint endpoint(ip, port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (dual) acceptor.set_option(asio::ip::v6_only(false));
    acceptor.bind(endpoint);
    acceptor.listen();
    return acceptor;
  };
  if (!address.host.empty()) return open(asio::ip::make_address(address.host), false);
  try {
    return open(asio::ip::address_v6::any(), true);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::system::errc::address_in_use) throw;
    return open(asio::ip::address_v4::any(), false);  // a host without IPv6
  }
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const BindAddress& address, HttpHandler handler, HttpLimits limits)
      : handler_(std::move(handler)),
        limits_(limits),
        acceptor_(listen(io_, address)),
        pause_(io_),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { serve(); });
  }

  ~Impl() { stop(); }

  std::uint16_t port() const { return port_; }

  void stop() {
    const std::lock_guard lock(stopping_);
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      while (!sessions_.empty()) sessions_.front()->close();
      io_.stop();  // whatever a late handler starts, the thread ends here
    });
    thread_.join();
  }

 private:
  // A connection for which memory ran out must not take the probes of the others with it.
  void serve() {
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        spdlog::error("http server: {}", error.what());
      }
    }
  }

  class Session : public std::enable_shared_from_this<Session> {
   public:
    Session(Impl& server, tcp::socket socket)
        : server_(server), stream_(std::move(socket)), since_(std::chrono::steady_clock::now()) {}

    void read() {
      idle_ = true;
      since_ = std::chrono::steady_clock::now();
      parser_.emplace();
      parser_->header_limit(static_cast<std::uint32_t>(server_.limits_.header_bytes));
      stream_.expires_after(server_.limits_.read);
      http::async_read(
          stream_, buffer_, *parser_,
          [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
    }

    // Removes itself from the server; a handler under way keeps the object alive until it has run.
    void close() {
      if (closed_) return;
      closed_ = true;
      error_code ignored;
      stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
      stream_.close();
      server_.sessions_.remove(shared_from_this());
    }

    bool idle() const { return idle_; }
    std::chrono::steady_clock::time_point since() const { return since_; }

   private:
    void on_read(error_code error) {
      if (closed_) return;
      if (error == http::error::header_limit) {
        return write({431, "the request's header is longer than " +
                               std::to_string(server_.limits_.header_bytes) + " bytes\n"});
      }
      if (error == http::error::unexpected_body || error == http::error::body_limit) {
        return write({413, "requests with a body are not accepted\n"});
      }
      if (error.category() == http::make_error_code(http::error::bad_version).category() &&
          error != http::error::end_of_stream && error != http::error::partial_message) {
        return write({400, "this is not an HTTP/1 request\n"});
      }
      if (error) return close();
      const auto& request = parser_->get();
      const bool head = request.method() == http::verb::head;
      if (request.method() != http::verb::get && !head) {
        return write({405, "only GET and HEAD are served\n"});
      }
      const std::string target(request.target());
      write(answer(target.substr(0, target.find('?'))), head, request.version(),
            request.keep_alive());
    }

    HttpAnswer answer(const std::string& path) const {
      try {
        return server_.handler_(path);
      } catch (const std::exception& error) {
        return {500, std::string(error.what()) + "\n"};
      }
    }

    void write(const HttpAnswer& answer, bool head = false, unsigned version = 11,
               bool keep_alive = false) {
      idle_ = false;
      reply_ = to_reply(answer, head, version, keep_alive);
      stream_.expires_after(server_.limits_.write);
      const auto done = [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
        if (self->closed_) return;
        if (error || !keep_alive) return self->close();
        self->read();
      };
      if (!head) return http::async_write(stream_, *reply_, done);
      // A reply to HEAD announces the length of a body that it does not send.
      serializer_.emplace(*reply_);
      http::async_write_header(stream_, *serializer_, done);
    }

    Impl& server_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_{std::size_t{16} * 1024};
    std::optional<http::request_parser<http::empty_body>> parser_;
    std::optional<Reply> reply_;
    std::optional<http::response_serializer<http::string_body>> serializer_;
    std::chrono::steady_clock::time_point since_;
    bool idle_ = true, closed_ = false;
  };

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      // A peer can be accepted in the same moment as `stop` closes the acceptor: without this look
      // a new session and a new accept would outlive the stop.
      if (!acceptor_.is_open()) return;
      if (error) return pause();
      while (sessions_.size() >= limits_.connections) evict();
      sessions_.push_back(std::make_shared<Session>(*this, std::move(socket)));
      const auto session = sessions_.back();
      session->read();
      accept();
    });
  }

  void pause() {
    pause_.expires_after(limits_.accept_pause);
    pause_.async_wait([this](error_code error) {
      if (!error && acceptor_.is_open()) accept();
    });
  }

  // The connection that has waited longest for its peer; one that is being answered only when there
  // is no other.
  void evict() {
    auto oldest = sessions_.front();
    for (const auto& session : sessions_) {
      if (std::pair(!session->idle(), session->since()) <
          std::pair(!oldest->idle(), oldest->since())) {
        oldest = session;
      }
    }
    oldest->close();
  }

  const HttpHandler handler_;
  const HttpLimits limits_;
  std::list<std::shared_ptr<Session>> sessions_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const std::uint16_t port_;
  std::mutex stopping_;
  std::thread thread_;
};

HttpServer::HttpServer(const BindAddress& address, HttpHandler handler, HttpLimits limits)
    : impl_([&] {
        try {
          return std::make_unique<Impl>(address, std::move(handler), limits);
        } catch (const boost::system::system_error& error) {
          throw std::runtime_error("can not listen on " + address.host + ":" +
                                   std::to_string(address.port) + ": " + error.code().message() +
                                   "; choose another address or end what uses it");
        }
      }()) {}

HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::stop() { impl_->stop(); }

}  // namespace op
