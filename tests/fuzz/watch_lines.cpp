#include <algorithm>
#include <optional>
#include <utility>

#include "k8s-client/client.h"
#include "k8s-client/errors.h"
#include "k8s-client/store.h"
#include "k8s-client/watcher.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

using std::chrono::milliseconds;

constexpr const char* kEmptyList =
    R"({"kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[]})";

class Lines final : public k8s::Stream {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  Read next(milliseconds) override {
    if (text_.empty()) return {Read::Kind::End};
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    const std::string line(text_.substr(0, end));
    text_.remove_prefix(std::min(end + 1, text_.size()));
    return {Read::Kind::Line, line};
  }

 private:
  std::string_view text_;
};

// Answers every watch with `lines`, and every list with `list`; without one it streams lists, of
// the same `lines`.
class Hostile final : public k8s::Transport {
 public:
  Hostile(std::optional<std::string_view> list, std::string_view lines)
      : list_(list), lines_(lines) {}
  k8s::Response send(const k8s::Request&) override { return {200, std::string(list_.value())}; }
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request, milliseconds) override {
    const bool lists = std::any_of(request.query.begin(), request.query.end(),
                                   [](const auto& it) { return it.first == "sendInitialEvents"; });
    if (lists && list_) throw k8s::ApiError(422, "Invalid", "lists are not streamed");
    return std::make_unique<Lines>(lines_);
  }

 private:
  const std::optional<std::string_view> list_;
  const std::string_view lines_;
};

void follow(std::optional<std::string_view> list, std::string_view lines) {
  Hostile transport(list, lines);
  const k8s::Client client(transport);
  k8s::Store store;
  k8s::WatchSpec spec{
      .resource = {"", "v1", "configmaps", "ConfigMap"},
      .manager = "entityservice-operator",
      .facts = [](const k8s::Json& object, const k8s::Json&) { return object.at("data"); }};
  k8s::Watcher watcher(client, store, std::move(spec));
  auto now = k8s::Clock::time_point() + std::chrono::hours(1);
  for (int i = 0; i < 5; ++i) {  // refusal, list, open, read, and once more after whatever came
    const milliseconds wait = watcher.step(now, milliseconds(0));
    promise(wait >= milliseconds(0) && wait <= std::chrono::seconds(60), "a wait that is too long");
    now += wait;
  }
  const k8s::WatchHealth health = watcher.health();
  promise(health.failures == 0 || !health.last_error.empty(), "a failure that says nothing");
}

}  // namespace

void watch_lines(std::string_view input) {
  follow(kEmptyList, input);
  follow(input, {});
  follow(std::nullopt, input);
}

}  // namespace fuzz
