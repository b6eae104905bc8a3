// Part of rest_transport.cpp, and only of it: cpprestsdk's thread, and where cpprestsdk writes the
// body of an answer.
#pragma once

#include <cpprest/astreambuf.h>
#include <pplx/threadpool.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "k8s-client/exchange.h"

namespace k8s::rest {

inline boost::asio::io_service& pool() {
  return crossplat::threadpool::shared_instance().service();
}

// Where the library writes a body. Write-only; never throws, never returns a failed task.
class Sink final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit Sink(std::shared_ptr<Exchange> exchange)
      : streambuf_state_manager(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(size_t, std::ios_base::openmode) override {}
  size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return kNowhere; }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return kNowhere; }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return kNowhere;
  }
  bool acquire(std::uint8_t*& bytes, size_t& count) override {
    bytes = nullptr;
    count = 0;
    return false;
  }
  void release(std::uint8_t*, size_t) override {}

 protected:
  pplx::task<size_t> _putn(const std::uint8_t* bytes, size_t count) override {
    const pplx::task_completion_event<size_t> taken;
    try {
      const auto resume = [taken, count] { pool().post([taken, count] { taken.set(count); }); };
      if (!exchange_->put(bytes, count, resume)) return pplx::create_task(taken);
    } catch (const std::exception& error) {
      exchange_->abort({TransportError::Stage::Body,
                        std::string("the answer can not be kept: ") + error.what()});
    }
    return pplx::task_from_result(count);
  }
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return _putn(&byte, 1).then([byte](size_t) { return static_cast<int_type>(byte); });
  }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(size_t) override { return nullptr; }
  void _commit(size_t) override {}

  pplx::task<int_type> _bumpc() override { return pplx::task_from_result(kEnd); }
  int_type _sbumpc() override { return kEnd; }
  pplx::task<int_type> _getc() override { return pplx::task_from_result(kEnd); }
  int_type _sgetc() override { return kEnd; }
  pplx::task<int_type> _nextc() override { return pplx::task_from_result(kEnd); }
  pplx::task<int_type> _ungetc() override { return pplx::task_from_result(kEnd); }
  pplx::task<size_t> _getn(std::uint8_t*, size_t) override {
    return pplx::task_from_result(size_t{0});
  }
  size_t _scopy(std::uint8_t*, size_t) override { return 0; }

 private:
  static inline const pos_type kNowhere{off_type(-1)};
  static inline const int_type kEnd = traits::eof();
  const std::shared_ptr<Exchange> exchange_;
};

}  // namespace k8s::rest
