#include "tests/faults/watch.h"

#include <sstream>
#include <utility>

#include "k8s-client/errors.h"

namespace faults {
namespace {

using k8s::Stream;
using k8s::TransportError;

constexpr std::chrono::seconds kBookmarkEvery{60};

bool satisfies(const Json& labels, const std::string& wanted) {
  const auto equals = wanted.find('=');
  if (equals != std::string::npos)
    return labels.value(wanted.substr(0, equals), Json()) == wanted.substr(equals + 1);
  if (wanted.starts_with("!")) return !labels.contains(wanted.substr(1));
  return labels.contains(wanted);
}

Json with_version(const Json& object, std::int64_t revision) {
  Json copy = object;
  copy["metadata"]["resourceVersion"] = std::to_string(revision);
  return copy;
}

}  // namespace

Json status_body(int code, const std::string& reason, const std::string& message, Json details) {
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
                 {"status", "Failure"}, {"message", message}, {"reason", reason},
                 {"code", code}};
  if (!details.is_null()) status["details"] = std::move(details);
  return status;
}

bool Scope::covers(const ObjectKey& key) const {
  return key.kind == kind->resource.kind && (ns.empty() || key.ns == ns);
}

bool Scope::selects(const ObjectPtr& object) const {
  if (!object) return false;
  const Json& metadata = object->at("metadata");
  if (!fields.empty() && fields != "metadata.name=" + metadata.at("name").get<std::string>())
    return false;
  const Json own = metadata.value("labels", Json::object());
  std::istringstream in(labels);
  for (std::string wanted; std::getline(in, wanted, ',');)
    if (!satisfies(own, wanted)) return false;
  return true;
}

Json Scope::shown(const Json& object) const {
  if (!metadata_only) return object;
  return {{"apiVersion", "meta.k8s.io/v1"},
          {"kind", "PartialObjectMetadata"},
          {"metadata", object.at("metadata")}};
}

std::optional<Json> list_page(const Storage& storage, const Scope& scope, const std::string& token,
                              std::size_t most, std::int64_t lag) {
  std::int64_t revision = storage.revision() - lag;
  std::string after;
  if (!token.empty()) {
    revision = std::stoll(token);
    after = token.substr(token.find(' ') + 1);
    if (revision < storage.compacted()) return std::nullopt;
  }
  Json items = Json::array(), metadata = {{"resourceVersion", std::to_string(revision)}};
  for (const auto& [key, object] : storage.objects_at(revision)) {
    const std::string place = key.ns + "/" + key.name;
    if (!scope.covers(key) || !scope.selects(object) || place <= after) continue;
    if (items.size() == most) {
      metadata["continue"] = std::to_string(revision) + " " + after;
      break;
    }
    after = place;
    items.push_back(scope.shown(*object));
  }
  return Json{{"kind", scope.kind->resource.kind + "List"},
              {"apiVersion", scope.kind->resource.api_version()},
              {"metadata", metadata},
              {"items", items}};
}

std::string watch_line(const std::string& type, const Json& object) {
  return Json({{"type", type}, {"object", object}}).dump();
}

Json bookmark(const Scope& scope, std::int64_t version, bool ends_list) {
  Json metadata = {{"resourceVersion", std::to_string(version)}, {"creationTimestamp", nullptr}};
  if (ends_list) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return {{"apiVersion", scope.kind->resource.api_version()},
          {"kind", scope.kind->resource.kind},
          {"metadata", std::move(metadata)}};
}

Stream::Read WatchStream::line(std::string text) {
  state_->last_line = now_();
  ++lines_;
  return {Read::Kind::Line, std::move(text)};
}

// The next change that this watch is about; false: there is none.
bool WatchStream::advance(Read& read) {
  const std::int64_t visible = storage_.revision() - state_->withheld;
  const auto& log = storage_.log();
  while (state_->position < log.size() && log[state_->position].revision <= visible) {
    const Change& change = log[state_->position++];
    if (!state_->scope.covers(change.key)) continue;
    const bool was = state_->scope.selects(change.before), is = state_->scope.selects(change.after);
    if (!was && !is) continue;
    const Json& object = is ? *change.after : *change.before;
    const char* type = !is ? "DELETED" : was ? "MODIFIED" : "ADDED";
    read = line(
        watch_line(type, state_->scope.shown(is ? object : with_version(object, change.revision))));
    return true;
  }
  return false;
}

Stream::Read WatchStream::next(std::chrono::milliseconds) {
  const auto now = now_();
  if (ended_) return {Read::Kind::End};
  if (std::exchange(state_->broken, false)) {
    ended_ = true;
    throw TransportError(TransportError::Stage::Body, "the watch broke off");
  }
  if (now >= state_->silent_until) {
    if (!state_->due.empty()) {
      std::string first = std::move(state_->due.front());
      state_->due.pop_front();
      return line(std::move(first));
    }
    if (state_->expired) {
      ended_ = true;
      return line(watch_line("ERROR", status_body(410, "Expired", "too old resource version")));
    }
    Read read{Read::Kind::Nothing};
    if (advance(read)) return read;
    if (now >= state_->ends) {
      ended_ = true;
      return {Read::Kind::End};
    }
    if (now >= state_->next_bookmark && state_->withheld == 0) {
      state_->next_bookmark = now + kBookmarkEvery;
      return line(watch_line("BOOKMARK", bookmark(state_->scope, storage_.revision(), false)));
    }
  }
  if (now - state_->last_line > state_->idle) {
    ended_ = true;
    throw TransportError(TransportError::Stage::Deadline, "the watch was silent for too long");
  }
  return {Read::Kind::Nothing};
}

}  // namespace faults
