#include "tests/k8s-client/fault_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace k8s {
namespace {

X509* read_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return out;
}

SSL_CTX* tls_context(const CertifiedKey& identity, const std::string& client_ca) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  X509* certificate = read_certificate(identity.cert_pem);
  SSL_CTX_use_certificate(context, certificate);
  X509_free(certificate);
  BIO* bio = BIO_new_mem_buf(identity.key_pem.data(), static_cast<int>(identity.key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  if (!client_ca.empty()) {
    X509* ca = read_certificate(client_ca);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    X509_free(ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

std::string chunk(const std::string& bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}

std::string FaultServer::Connection::peer() const {
  if (tls_ == nullptr) return "";
  X509* certificate = SSL_get1_peer_certificate(static_cast<SSL*>(tls_));
  if (certificate == nullptr) return "";
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  return name;
}

long FaultServer::Connection::receive(char* bytes, std::size_t count) {
  if (tls_ != nullptr) return SSL_read(static_cast<SSL*>(tls_), bytes, static_cast<int>(count));
  return ::recv(socket_, bytes, count, 0);
}

std::optional<FaultServer::Received> FaultServer::Connection::read() {
  const auto more = [&] {
    char bytes[4096];
    const long got = receive(bytes, sizeof bytes);
    if (got > 0) buffer_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  Received out;
  out.head = buffer_.substr(0, end + 2);
  out.line = out.head.substr(0, out.head.find("\r\n"));
  buffer_.erase(0, end + 4);
  std::size_t length = 0;
  if (const auto at = out.head.find("Content-Length:"); at != std::string::npos) {
    length = std::stoul(out.head.substr(at + 15));
  }
  while (buffer_.size() < length) {
    if (!more()) return std::nullopt;
  }
  out.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return out;
}

bool FaultServer::Connection::write(const std::string& bytes) {
  if (tls_ != nullptr) {
    return SSL_write(static_cast<SSL*>(tls_), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto sent = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

bool FaultServer::Connection::answer(const std::string& body, int status,
                                     const std::string& headers) {
  return write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body);
}

void FaultServer::Connection::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void FaultServer::Connection::farewell() {
  if (tls_ != nullptr) SSL_shutdown(static_cast<SSL*>(tls_));
}

bool FaultServer::Connection::wait_for_byte() {
  char byte = 0;
  return receive(&byte, 1) > 0;
}

bool FaultServer::Connection::wait_for_close() {
  char byte = 0;
  while (receive(&byte, 1) > 0) {
  }
  return true;
}

FaultServer::FaultServer(Handler handler, std::optional<CertifiedKey> identity,
                         const std::string& client_ca, const std::string& address_text)
    : handler_(std::move(handler)) {
  std::signal(SIGPIPE, SIG_IGN);
  if (identity) tls_ = tls_context(*identity, client_ca);
  const bool ipv6 = address_text.find(':') != std::string::npos;
  listener_ = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};  // begins with family and port as that of IPv4 does
  socklen_t size = sizeof address;
  if (ipv6) {
    address.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, address_text.c_str(), &address.sin6_addr);
  } else {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    ::inet_pton(AF_INET, address_text.c_str(), &four.sin_addr);
    size = sizeof four;
    std::memcpy(&address, &four, size);
  }
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0) {
    throw std::runtime_error("can not listen on " + address_text);
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin6_port);
  acceptor_ = std::thread([this] {
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      reap();
      const std::lock_guard lock(mutex_);
      open_.push_back(socket);
      const int number = connections_++;
      workers_.emplace(number, [this, socket, number] { serve(socket, number); });
    }
  });
}

FaultServer::~FaultServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
  }
  for (auto& [number, worker] : workers_) worker.join();
  SSL_CTX_free(static_cast<SSL_CTX*>(tls_));
}

void FaultServer::serve(int socket, int number) {
  SSL* tls = nullptr;
  bool ready = true;
  if (tls_ != nullptr) {
    tls = SSL_new(static_cast<SSL_CTX*>(tls_));
    SSL_set_fd(tls, socket);
    ready = SSL_accept(tls) == 1;
  }
  if (ready) {
    Connection connection(socket, number, tls);
    handler_(connection);
  }
  SSL_free(tls);
  const std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), socket));
  ::close(socket);
  finished_.push_back(number);
}

// A server that lives for 100,000 connections must not keep as many threads.
void FaultServer::reap() {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const int number : std::exchange(finished_, {})) {
      ended.push_back(std::move(workers_.extract(number).mapped()));
    }
  }
  for (std::thread& thread : ended) thread.join();
}

std::string FaultServer::url(const std::string& host) const {
  return (tls_ == nullptr ? "http://" : "https://") + host + ":" + std::to_string(port_);
}

}  // namespace k8s
