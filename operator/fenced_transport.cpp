#include "operator/fenced_transport.h"

#include <algorithm>

#include "k8s-client/errors.h"

namespace op {
namespace {

using std::chrono::milliseconds;

k8s::Request capped(k8s::Request request, milliseconds longest) {
  request.deadline = std::min(request.deadline, longest);
  return request;
}

}  // namespace

k8s::Response FencedTransport::send(const k8s::Request& request) {
  if (request.method == "GET") return inner_.send(request);
  const auto now = now_();
  const auto until = fence_.until();
  // Compared before it is subtracted: the ends of the time axis would overflow.
  const auto left =
      until > now ? std::chrono::floor<milliseconds>(until - now) : milliseconds::zero();
  if (left <= milliseconds::zero()) {
    throw k8s::TransportError(k8s::TransportError::Stage::Cancelled,
                              request.method + " " + request.path +
                                  " was not sent: this process does not hold the lease");
  }
  return inner_.send(capped(request, left));
}

std::unique_ptr<k8s::Stream> FencedTransport::open(const k8s::Request& request, milliseconds idle) {
  return inner_.open(request, idle);
}

k8s::Response CappedTransport::send(const k8s::Request& request) {
  return inner_.send(capped(request, longest_));
}

std::unique_ptr<k8s::Stream> CappedTransport::open(const k8s::Request& request, milliseconds idle) {
  return inner_.open(capped(request, longest_), idle);
}

}  // namespace op
