// A Transport whose answers a test writes down beforehand, one per request, and that keeps what was
// asked. A request without an answer left is a failure of the test.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "k8s-client/errors.h"
#include "k8s-client/json.h"
#include "k8s-client/resource.h"
#include "k8s-client/transport.h"

namespace k8s {

class ScriptedStream final : public Stream {
 public:
  using Next = std::function<Read()>;
  explicit ScriptedStream(std::deque<Next> script) : script_(std::move(script)) {}
  Read next(std::chrono::milliseconds) override {
    if (script_.empty()) return {Read::Kind::Nothing};
    const Next next = std::move(script_.front());
    script_.pop_front();
    return next();
  }

 private:
  std::deque<Next> script_;
};

class ScriptedTransport final : public Transport {
 public:
  using Answer = std::function<Response(const Request&)>;
  using Opening = std::function<std::unique_ptr<Stream>(const Request&)>;

  static Answer status(int status, const Json& body = Json::object(),
                       std::optional<std::chrono::seconds> retry_after = std::nullopt) {
    return [=](const Request&) { return Response{status, body.dump(), retry_after}; };
  }
  static Answer failure(TransportError::Stage stage) {
    return [=](const Request&) -> Response { throw TransportError(stage, "scripted"); };
  }

  ScriptedTransport& then(Answer answer) {
    answers_.push_back(std::move(answer));
    return *this;
  }
  ScriptedTransport& then_open(Opening opening) {
    openings_.push_back(std::move(opening));
    return *this;
  }
  void first_open(Opening opening) { openings_.push_front(std::move(opening)); }
  ScriptedTransport& then_stream(std::deque<ScriptedStream::Next> script) {
    return then_open([script = std::move(script)](const Request&) {
      return std::make_unique<ScriptedStream>(script);
    });
  }

  Response send(const Request& request) override {
    sent.push_back(request);
    if (answers_.empty()) {
      ADD_FAILURE() << "no answer left for " << request.method << " " << request.path;
      throw TransportError(TransportError::Stage::Cancelled, "the script has ended");
    }
    const Answer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer(request);
  }
  std::unique_ptr<Stream> open(const Request& request, std::chrono::milliseconds idle) override {
    opened.push_back(request);
    idles.push_back(idle);
    if (openings_.empty()) {
      ADD_FAILURE() << "no stream left for " << request.path;
      throw TransportError(TransportError::Stage::Cancelled, "the script has ended");
    }
    const Opening opening = std::move(openings_.front());
    openings_.pop_front();
    return opening(request);
  }
  void clear() {
    answers_.clear();
    openings_.clear();
  }
  bool exhausted() const { return answers_.empty() && openings_.empty(); }

  std::vector<Request> sent;
  std::vector<Request> opened;
  std::vector<std::chrono::milliseconds> idles;

 private:
  std::deque<Answer> answers_;
  std::deque<Opening> openings_;
};

inline Resource deployments() { return {"apps", "v1", "deployments", "Deployment"}; }
inline Resource config_maps() { return {"", "v1", "configmaps", "ConfigMap"}; }

}  // namespace k8s
