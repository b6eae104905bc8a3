// What tests of the watcher share: the words of a scripted API server, and a watcher that steps
// through them with a clock of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "k8s-client/watcher.h"
#include "tests/k8s-client/scripted_transport.h"

namespace k8s {

using Next = ScriptedStream::Next;

inline Json object(const std::string& name, const std::string& uid, const std::string& version) {
  Json metadata = {{"name", name}, {"namespace", "n"}, {"uid", uid}, {"resourceVersion", version}};
  return {{"metadata", std::move(metadata)}};
}

inline Json list_of(const std::string& version, const std::vector<Json>& items,
                    const std::string& next = "") {
  const Json metadata = {{"resourceVersion", version}, {"continue", next}};
  return {{"metadata", metadata}, {"items", items}};
}

inline Next raw(const std::string& line) {
  return [=] { return Stream::Read{Stream::Read::Kind::Line, line}; };
}
inline Next event(const std::string& type, const Json& body) {
  return raw(Json({{"type", type}, {"object", body}}).dump());
}
inline Next bookmark(const std::string& version) {
  return event("BOOKMARK", {{"metadata", {{"resourceVersion", version}}}});
}
inline Next end_of_list(const std::string& version) {
  const Json annotations = {{"k8s.io/initial-events-end", "true"}};
  return event("BOOKMARK",
               {{"metadata", {{"resourceVersion", version}, {"annotations", annotations}}}});
}
inline Next error_event(int code, const std::string& reason) {
  return event("ERROR", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "m"}});
}
inline Next nothing() {
  return [] { return Stream::Read{Stream::Read::Kind::Nothing}; };
}
inline Next end() {
  return [] { return Stream::Read{Stream::Read::Kind::End}; };
}
inline Next breaks(TransportError::Stage stage) {
  return [=]() -> Stream::Read { throw TransportError(stage, "broke"); };
}

inline std::string query_of(const Request& request, const std::string& wanted) {
  for (const auto& [name, value] : request.query) {
    if (name == wanted) return value;
  }
  return "";
}

class WatcherFixture {
 protected:
  explicit WatcherFixture(bool lists_are_streamed) : streamed_(lists_are_streamed) {
    spec_.resource = config_maps();
  }

  std::chrono::milliseconds step(std::chrono::seconds later = std::chrono::seconds(0)) {
    if (!watcher_) start();
    now_ += later;
    return watcher_->step(now_, std::chrono::milliseconds(0));
  }
  void steps(int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(step(), std::chrono::milliseconds(0));
  }
  std::string held() {
    std::string out;
    for (const ObjectKey& key : store_.keys("ConfigMap")) {
      const RecordPtr record = store_.find(key);
      out += record->key.name + "/" + record->uid + "@" + record->resource_version + " ";
    }
    return out;
  }
  std::string resumed_from(std::size_t watch) {
    return query_of(transport_.opened.at(watch), "resourceVersion");
  }
  ScriptedTransport& listed(const std::string& version, const std::vector<Json>& items = {}) {
    return transport_.then(ScriptedTransport::status(200, list_of(version, items)));
  }
  ScriptedTransport& refuses_to_open(int code,
                                     std::optional<std::chrono::seconds> retry_after = {}) {
    return transport_.then_open([=](const Request&) -> std::unique_ptr<Stream> {
      throw ApiError(code, "", "no", nullptr, retry_after);
    });
  }
  // A back-off that has not grown yet.
  static auto first_wait() {
    return testing::AllOf(testing::Ge(std::chrono::milliseconds(800)),
                          testing::Le(std::chrono::milliseconds(1200)));
  }

  ScriptedTransport transport_;
  Client client_{transport_, [](std::chrono::milliseconds) {}};
  Store store_;
  WatchSpec spec_;
  std::unique_ptr<Watcher> watcher_;
  Clock::time_point now_{std::chrono::seconds(1000)};

 private:
  void start() {
    watcher_ = std::make_unique<Watcher>(client_, store_, spec_);
    if (streamed_) return;
    transport_.first_open([](const Request&) -> std::unique_ptr<Stream> {
      throw ApiError(422, "Invalid", "sendInitialEvents is forbidden");
    });
    watcher_->step(now_, std::chrono::milliseconds(0));
    transport_.opened.pop_back();
    transport_.idles.pop_back();
  }
  const bool streamed_;
};

}  // namespace k8s
