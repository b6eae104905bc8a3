// The rules for cpprestsdk that this file keeps, each for a crash, hang or leak that was seen:
// everything that touches a connection runs on the one thread of its pool (start, cancel, resume);
// that thread never waits and nothing throws on it; bodies go into a sink of ours, which holds the
// sender back instead of growing; watches and requests have clients of their own; no redirect is
// followed; the system's certificate authorities are replaced; keepalive is set on the socket
// before it connects, because there is no later chance.
#include "k8s-client/rest_transport.h"

#include <cpprest/http_client.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "k8s-client/api_error.h"
#include "k8s-client/credentials.h"
#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"
#include "k8s-client/exchange.h"
#include "k8s-client/guarded.h"
#include "k8s-client/rest_sink.h"
#include "k8s-client/rest_socket.h"
#include "k8s-client/server_address.h"
#include "k8s-client/tls_verdict.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using Stage = TransportError::Stage;
namespace http = web::http;
namespace streams = concurrency::streams;
using rest::Family;
using rest::pool;
using rest::prepare_socket;
using rest::Sink;

constexpr std::ptrdiff_t kRequestsInFlight = 32;
// The library's own timers are only a second line behind our deadlines.
constexpr std::chrono::seconds kRequestSilence{65};
constexpr std::chrono::hours kWatchSilence{1};
constexpr std::chrono::seconds kLongestTeardown{2};
constexpr Exchange::Limits kResponseLimits = {};
constexpr Exchange::Limits kWatchLimits = {
    .piece = 64U << 20U, .unread = 16U << 20U, .window = 1U << 20U};

Failure failure_of(const std::exception_ptr& exception, bool started) {
  try {
    std::rethrow_exception(exception);
  } catch (const http::http_exception& error) {
    return classify_failure(error.what(), error.error_code().value(), started);
  } catch (const std::exception& error) {
    return classify_failure(error.what(), 0, started);
  } catch (...) {
    return classify_failure("unknown error of the HTTP library", 0, started);
  }
}

std::optional<std::chrono::seconds> retry_after(const http::http_response& response) {
  long seconds = -1;
  if (!response.headers().match("Retry-After", seconds) || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// On the pool's thread.
void run(const std::shared_ptr<http::client::http_client>& client,
         const http::http_request& request, const pplx::cancellation_token& token,
         const std::shared_ptr<Exchange>& exchange) {
  try {
    client->request(request, token)
        .then([client, exchange](pplx::task<http::http_response> headers) {
          try {
            http::http_response response = headers.get();
            exchange->set_status(response.status_code(), retry_after(response));
            response.content_ready().then([exchange](pplx::task<http::http_response> body) {
              try {
                body.get();
                exchange->finish(std::nullopt);
              } catch (...) {
                exchange->finish(failure_of(std::current_exception(), true));
              }
            });
          } catch (...) {
            exchange->finish(failure_of(std::current_exception(), exchange->started()));
          }
        });
  } catch (...) {
    exchange->finish(failure_of(std::current_exception(), false));
  }
}

class RestStream final : public Stream {
 public:
  RestStream(std::shared_ptr<Exchange> exchange, milliseconds idle)
      : exchange_(std::move(exchange)), idle_(idle) {}
  ~RestStream() override { exchange_->abort({Stage::Cancelled, "the stream was closed"}); }
  RestStream(const RestStream&) = delete;
  RestStream& operator=(const RestStream&) = delete;

  Read next(milliseconds wait) override { return exchange_->next_line(wait, idle_); }

 private:
  const std::shared_ptr<Exchange> exchange_;
  const milliseconds idle_;
};

class RestTransport final : public Transport {
 public:
  RestTransport(std::shared_ptr<Credentials> credentials, RestObserver* observer)
      : address_(check_server(credentials->config())),
        server_name_(credentials->config().tls_server_name),
        credentials_(std::move(credentials)),
        family_(address_),
        observer_(observer) {}

  // What is still resolving a name can not be stopped; it is left to its own end.
  ~RestTransport() override {
    const auto open = abort_all();
    const auto deadline = Clock::now() + kLongestTeardown;
    for (const auto& weak : open) {
      if (const auto exchange = weak.lock()) exchange->wait_finished(deadline);
    }
  }
  RestTransport(const RestTransport&) = delete;
  RestTransport& operator=(const RestTransport&) = delete;

  void close() override {
    closed_ = true;
    abort_all();
  }

  Response send(const Request& request) override {
    const auto begin = Clock::now();
    const auto deadline = begin + request.deadline;
    if (!slots_.try_acquire_until(deadline)) {
      throw TransportError(Stage::Deadline, address_.url + ": too many requests are in flight");
    }
    const struct Release {
      std::counting_semaphore<>& slots;
      ~Release() { slots.release(); }
    } release{slots_};
    const Identity identity = identity_for(request, deadline);
    Response response = send_once(request, identity, deadline);
    if (response.status == 401) {
      const Identity other = identity_after(identity, request, deadline);
      if (other != identity) response = send_once(request, other, deadline);
    }
    return response;
  }

  std::unique_ptr<Stream> open(const Request& request, milliseconds idle) override {
    const auto deadline = Clock::now() + request.deadline;
    const Identity identity = identity_for(request, deadline);
    auto [exchange, status] = open_once(request, identity, deadline);
    if (status == 401) {
      const Identity other = identity_after(identity, request, deadline);
      if (other != identity) std::tie(exchange, status) = open_once(request, other, deadline);
    }
    if (status >= 200 && status <= 299) return std::make_unique<RestStream>(exchange, idle);
    throw api_error("watch " + request.path, located(request, [&deadline, &opened = exchange] {
                      return opened->wait_response(deadline);
                    }));
  }

 private:
  struct Clients {
    std::shared_ptr<const TlsMaterial> tls;
    std::shared_ptr<http::client::http_client> requests;
    std::shared_ptr<http::client::http_client> watches;
  };

  std::vector<std::weak_ptr<Exchange>> abort_all() {
    auto open = exchanges_.with([](auto& all) { return std::exchange(all, {}); });
    for (const auto& weak : open) {
      if (const auto exchange = weak.lock()) {
        exchange->abort({Stage::Cancelled, "the client is stopping"});
      }
    }
    return open;
  }

  Identity identity_for(const Request& request, Clock::time_point deadline) {
    return located(request, [&] {
      return await_identity(*credentials_, deadline, [this] { return closed_.load(); });
    });
  }

  // The same one again: nothing better is known.
  Identity identity_after(const Identity& refused, const Request& request,
                          Clock::time_point deadline) {
    credentials_->refuse(refused);
    return identity_for(request, deadline);
  }

  // Failures name the server, and a failed connect looks the server's address up again.
  template <typename F>
  auto located(const Request& request, F&& f) -> decltype(f()) {
    try {
      return f();
    } catch (const TransportError& error) {
      std::string why = error.what();
      if (error.stage() == Stage::Connect) {
        family_.resolve();
        if (why.find(kCertificateRefused) != std::string::npos) {
          why = verdict_->words(server_name_.empty() ? address_.host : server_name_);
        }
      }
      throw TransportError(error.stage(),
                           request.method + " " + address_.url + request.path + ": " + why);
    }
  }

  Response send_once(const Request& request, const Identity& identity, Clock::time_point deadline) {
    return observed(request, [&] {
      const auto exchange = start(request, identity, kResponseLimits);
      return exchange->wait_response(deadline);
    });
  }

  std::pair<std::shared_ptr<Exchange>, int> open_once(const Request& request,
                                                      const Identity& identity,
                                                      Clock::time_point deadline) {
    std::shared_ptr<Exchange> exchange;
    const Response response = observed(request, [&] {
      exchange = start(request, identity, kWatchLimits);
      return Response{.status = exchange->wait_status(deadline), .body = {}};
    });
    return {exchange, response.status};
  }

  template <typename F>
  Response observed(const Request& request, F&& f) {
    const auto begin = Clock::now();
    const auto tell = [&](int status) {
      if (observer_ != nullptr) observer_->finished(request.method, status, Clock::now() - begin);
    };
    try {
      Response response = located(request, f);
      tell(response.status);
      return response;
    } catch (const TransportError&) {
      tell(0);
      throw;
    }
  }

  std::shared_ptr<Exchange> start(const Request& request, const Identity& identity,
                                  const Exchange::Limits& limits) {
    const pplx::cancellation_token_source cancellation;
    const auto cancel = [cancellation] { pool().post([cancellation] { cancellation.cancel(); }); };
    auto exchange = std::make_shared<Exchange>(limits, cancel);
    exchanges_.with([&](auto& all) {
      std::erase_if(all, [](const auto& weak) { return weak.expired(); });
      all.push_back(exchange);
    });
    // Looked at after it has joined the others: either this sees the flag, or `close` the exchange.
    if (closed_) throw TransportError(Stage::Cancelled, "the client is stopping");
    const Clients clients = clients_for(identity.tls);
    const auto& client = limits.window == 0 ? clients.requests : clients.watches;
    pool().post([client, message = message_of(request, identity.token, exchange),
                 token_of_cancel = cancellation.get_token(),
                 exchange] { run(client, message, token_of_cancel, exchange); });
    return exchange;
  }

  http::http_request message_of(const Request& request, const std::string& token,
                                const std::shared_ptr<Exchange>& exchange) const {
    http::http_request message(request.method);
    std::string target = percent_encode(request.path, "/:@");
    char separator = '?';
    for (const auto& [name, value] : request.query) {
      target += separator + percent_encode(name) + "=" + percent_encode(value);
      separator = '&';
    }
    message.set_request_uri(web::uri(target));
    message.headers().add("Accept", request.accept);
    message.headers().add("User-Agent", "entityservice-operator");
    if (!token.empty()) message.headers().add("Authorization", "Bearer " + token);
    // The library takes SNI and the name to verify from here.
    if (!server_name_.empty()) message.headers().add("Host", server_name_);
    if (!request.body.empty()) {
      // As bytes: for a string the library calls one stream type through another.
      message.set_body(std::vector<unsigned char>(request.body.begin(), request.body.end()));
      message.headers().set_content_type(request.content_type);
    }
    const std::shared_ptr<streams::details::basic_streambuf<std::uint8_t>> sink =
        std::make_shared<Sink>(exchange);
    message.set_response_stream(streams::streambuf<std::uint8_t>(sink).create_ostream());
    return message;
  }

  // Pooled connections keep the certificates that they were made with, so new ones need new
  // clients.
  Clients clients_for(const std::shared_ptr<const TlsMaterial>& tls) {
    return clients_.with([&](Clients& clients) {
      if (clients.tls != tls) {
        clients = {tls, make_client(tls, kRequestSilence), make_client(tls, kWatchSilence)};
      }
      return clients;
    });
  }

  std::shared_ptr<http::client::http_client> make_client(
      const std::shared_ptr<const TlsMaterial>& tls, std::chrono::seconds silence) const {
    http::client::http_client_config config;
    config.set_timeout(silence);
    config.set_max_redirects(0);
    config.set_validate_certificates(!tls->insecure);
    config.set_nativehandle_options([family = family_, with_tls = address_.tls](void* handle) {
      prepare_socket(handle, with_tls, family.get());
    });
    config.set_ssl_context_callback([tls, verdict = verdict_](boost::asio::ssl::context& context) {
      install_tls(context.native_handle(), *tls);
      if (!tls->insecure) verdict->watch(context.native_handle());
    });
    // The library resolves an IPv6 address only without its brackets.
    const std::string url = address_.ipv6 ? (address_.tls ? "https://" : "http://") +
                                                address_.host + ":" + address_.port + address_.path
                                          : address_.url;
    return std::make_shared<http::client::http_client>(web::uri(url), config);
  }

  const ServerAddress address_;
  const std::string server_name_;
  const std::shared_ptr<Credentials> credentials_;
  const Family family_;
  const std::shared_ptr<TlsVerdict> verdict_ = std::make_shared<TlsVerdict>();
  RestObserver* const observer_;
  std::counting_semaphore<> slots_{kRequestsInFlight};
  Guarded<std::vector<std::weak_ptr<Exchange>>> exchanges_;
  std::atomic<bool> closed_ = false;
  Guarded<Clients> clients_;
};

}  // namespace

void initialize_http() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::signal(SIGPIPE, SIG_IGN);
    original_environment();  // exec plugins have TLS of their own
    // Parsed anew for each connection otherwise, and then thrown away by install_tls.
    ::setenv("SSL_CERT_FILE", "/dev/null", 1);
    ::setenv("SSL_CERT_DIR", "/nonexistent", 1);
    crossplat::threadpool::initialize_with_threads(1);
  });
}

std::unique_ptr<Transport> make_rest_transport(std::shared_ptr<Credentials> credentials,
                                               RestObserver* observer) {
  initialize_http();
  return std::make_unique<RestTransport>(std::move(credentials), observer);
}

std::unique_ptr<Transport> make_rest_transport(const ClusterConfig& config,
                                               RestObserver* observer) {
  return make_rest_transport(std::make_shared<Credentials>(config), observer);
}

}  // namespace k8s
