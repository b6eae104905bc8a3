#include "k8s-client/watcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "k8s-client/api_error.h"
#include "k8s-client/backoff.h"
#include "k8s-client/errors.h"
#include "k8s-client/resource_version.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;

constexpr int kLinesPerStep = 500;
// A watch that ended sooner, without a line, was refused rather than finished.
constexpr std::chrono::seconds kShortLife{5};
// After so many failures without a good line between them a resume can not be what helps.
constexpr int kResumes = 5;
// An API server that has just started refuses all until it has read the roles; so often in a row
// that is believed of one that was away before.
constexpr int kRefusalsOfAStart = 10;
// A server that took a streamed list but has nothing to say for so long does not know what it is.
constexpr std::chrono::seconds kInitialSilence{30};
constexpr const char* kMetadataWatch =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

bool is_expired(const ApiError& error) {
  return error.code() == 410 || error.reason() == "Expired" || error.reason() == "Gone";
}

// A line that is no watch event: cut off, not JSON, or without what every event has.
class Malformed : public Error {
 public:
  using Error::Error;
};

struct Event {
  enum class Type { Changed, Deleted, Bookmark, Error };
  Type type;
  Json object;
};

Event parse_event(EventReader& reader, const std::string& line) {
  Json event = reader.read(line);
  if (!event.is_object() || !event.contains("type") || !event["type"].is_string() ||
      !event.contains("object") || !event["object"].is_object()) {
    throw Malformed("a line is not a watch event: " + line.substr(0, 100));
  }
  const std::string type = event["type"];
  Json object = std::move(event["object"]);
  if (type == "ADDED" || type == "MODIFIED") return {Event::Type::Changed, std::move(object)};
  if (type == "DELETED") return {Event::Type::Deleted, std::move(object)};
  if (type == "BOOKMARK") return {Event::Type::Bookmark, std::move(object)};
  if (type == "ERROR") return {Event::Type::Error, std::move(object)};
  throw Malformed("unknown type of watch event: " + type.substr(0, 100));
}

std::string version_of(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object())
    throw Malformed("an event has no metadata");
  const auto version = metadata->find("resourceVersion");
  if (version == metadata->end() || !version->is_string() ||
      version->get_ref<const std::string&>().empty()) {
    throw Malformed("an event has no resourceVersion");
  }
  return *version;
}

bool ends_initial_events(const Json& bookmark) {
  const auto& metadata = bookmark["metadata"];
  const auto annotations = metadata.find("annotations");
  return annotations != metadata.end() && annotations->is_object() &&
         annotations->value("k8s.io/initial-events-end", Json(nullptr)) == "true";
}

// Whether a refusal may be for the version that we wanted to resume from, and not for who we are or
// for the load of the server.
bool may_be_of_version(int code) { return code != 401 && code != 429 && code != 503; }

}  // namespace

struct Watcher::State {
  enum class Phase { List, Open, Read };
  State(const WatchSpec& spec, unsigned jitter)
      : reader(spec.manager, spec.unread), backoff(jitter) {}

  Phase phase = Phase::List;
  std::string version;  // from where a watch resumes
  std::string newest;   // the newest ever seen
  std::unique_ptr<Stream> stream;
  bool streams_lists = true;  // until the server refuses it
  bool listed = false;        // once
  // Of a streamed list: what it has named so far; nullopt once it is complete.
  std::optional<std::vector<ObjectKey>> initial;
  // When the stream was there: what the first reading says, because opening may take long.
  std::optional<Clock::time_point> opened;
  Clock::time_point heard;  // the opening or the last good line
  bool spoke = false;       // this stream has given a good line
  int barren = 0;           // failures since the last good line
  bool expired = false;     // a version, since then
  int refusals = 0;         // since no connection was found
  EventReader reader;
  Backoff backoff;

  void close(Phase next) {
    stream.reset();
    initial.reset();
    phase = next;
  }
  bool lists() const { return phase == Phase::List || initial.has_value(); }
};

Watcher::Watcher(const Client& client, Store& store, WatchSpec spec, unsigned jitter)
    : client_(client),
      store_(store),
      spec_(std::move(spec)),
      state_(std::make_unique<State>(spec_, jitter)) {}

Watcher::~Watcher() = default;

WatchHealth Watcher::health() const {
  return health_.with([](const WatchHealth& health) { return health; });
}

milliseconds Watcher::step(Clock::time_point now, milliseconds wait) {
  if (distrusted_.exchange(false) && state_->phase == State::Phase::Read && !state_->initial)
    state_->close(State::Phase::Open);
  try {
    switch (state_->phase) {
      case State::Phase::List:
        return state_->streams_lists ? open() : list(now);
      case State::Phase::Open:
        return open();
      case State::Phase::Read:
        return read(now, wait);
    }
    return milliseconds(0);
  } catch (const ApiError& error) {
    if (state_->phase == State::Phase::List && state_->streams_lists && error.code() == 422) {
      state_->streams_lists = false;
      return milliseconds(0);
    }
    if (is_expired(error)) return expired(error.what());
    // Once it was allowed, a refusal may be that of an API server that has not read the roles yet.
    const bool forbidden = error.code() == 403 && !state_->listed;
    if (spec_.optional && (forbidden || error.code() == 404)) return absent(error.what());
    const bool was_away = health().unreachable;
    const bool starting = error.code() == 403 && was_away && state_->refusals++ < kRefusalsOfAStart;
    // How long nobody was there says nothing of a server that answers.
    if (was_away && !starting) state_->backoff.reset();
    const milliseconds pause =
        failed(error.what(), error.retry_after(), may_be_of_version(error.code()));
    health_.with([&](WatchHealth& health) { health.unreachable = starting; });
    return pause;
  } catch (const TransportError& error) {
    const milliseconds pause =
        failed(error.what(), std::nullopt, state_->phase == State::Phase::Read);
    const bool unreachable = error.stage() == TransportError::Stage::Connect;
    state_->refusals = 0;
    health_.with([&](WatchHealth& health) { health.unreachable = unreachable; });
    return pause;
  } catch (const std::exception& error) {  // Malformed, a type that JSON has not
    return failed(error.what(), std::nullopt);
  }
}

milliseconds Watcher::list(Clock::time_point now) {
  std::vector<ObjectKey> listed;
  const std::string version = client_.list(
      spec_.resource, spec_.ns, spec_.selector,
      [&](Json&& object) {
        Record record = reduce(object);
        listed.push_back(record.key);
        store_.put(std::move(record));
      },
      [&] { listed.clear(); }, spec_.metadata_only);
  if (version.empty()) throw Malformed("a list has no resourceVersion");
  state_->close(State::Phase::Open);
  complete(version, listed, now);
  return milliseconds(0);
}

// The end of a list, however it came.
void Watcher::complete(const std::string& version, const std::vector<ObjectKey>& listed,
                       Clock::time_point now) {
  const auto order = compare_resource_versions(version, state_->newest);
  if (order && *order < 0) {
    store_.forget(spec_.resource.kind, spec_.ns);
    state_->version.clear();
    state_->newest.clear();
    state_->close(State::Phase::List);
    health_.with([&](WatchHealth& health) {
      health.last_error = "the API server went back in time: everything is listed again";
    });
    return;
  }
  store_.retain(spec_.resource.kind, spec_.ns, listed, version);
  state_->version = state_->newest = version;
  state_->listed = true;
  state_->initial.reset();
  health_.with([&](WatchHealth& health) {
    health.synced = true;
    health.absent = false;
    health.last_list = now;
    ++health.lists;
  });
}

milliseconds Watcher::open() {
  const bool lists = state_->phase == State::Phase::List;
  const auto timeout = state_->backoff.spread(spec_.timeout);
  Request request{.method = "GET", .path = collection_path(spec_.resource, spec_.ns)};
  request.query = {{"watch", "1"},
                   {"allowWatchBookmarks", "true"},
                   {"timeoutSeconds", std::to_string(timeout.count())}};
  if (lists) {  // without a version: as fresh as the database, never a cache that lags
    request.query.emplace_back("sendInitialEvents", "true");
    request.query.emplace_back("resourceVersionMatch", "NotOlderThan");
  } else {
    request.query.emplace_back("resourceVersion", state_->version);
  }
  if (!spec_.selector.labels.empty()) {
    request.query.emplace_back("labelSelector", spec_.selector.labels);
  }
  if (!spec_.selector.fields.empty()) {
    request.query.emplace_back("fieldSelector", spec_.selector.fields);
  }
  if (spec_.metadata_only) request.accept = kMetadataWatch;
  state_->stream = client_.transport().open(request, timeout + spec_.slack);
  state_->phase = State::Phase::Read;
  if (lists) state_->initial.emplace();
  state_->opened.reset();
  state_->spoke = false;
  health_.with([&](WatchHealth& health) {
    ++health.watches;
    if (std::exchange(health.unreachable, false)) state_->backoff.reset();
  });
  return milliseconds(0);
}

milliseconds Watcher::read(Clock::time_point now, milliseconds wait) {
  if (!state_->opened) state_->opened = state_->heard = now;
  for (int lines = 0; state_->stream && lines < kLinesPerStep; ++lines) {
    const Stream::Read read = state_->stream->next(lines == 0 ? wait : milliseconds(0));
    if (read.kind == Stream::Read::Kind::Nothing) break;
    if (read.kind == Stream::Read::Kind::End) return ended(now);
    if (!read.line.empty()) take(read.line, now);
  }
  state_->reader.rest();
  if (state_->initial && now - state_->heard > kInitialSilence) {
    state_->streams_lists = false;
    return failed("the API server began to stream a list and did not go on", std::nullopt);
  }
  return milliseconds(0);
}

void Watcher::take(const std::string& line, Clock::time_point now) {
  const Event event = parse_event(state_->reader, line);
  if (event.type == Event::Type::Error) {
    const int code = event.object.value("code", 0);
    throw api_error("watch " + spec_.resource.plural, event.object, code);
  }
  std::string version = version_of(event.object);
  if (event.type == Event::Type::Changed) {
    Record record = reduce(event.object);
    if (state_->initial) state_->initial->push_back(record.key);
    store_.put(std::move(record));
  } else if (event.type == Event::Type::Deleted) {
    const Record record = reduce(event.object);
    store_.remove(record.key, record.uid, version);
  }
  if (!state_->initial) {
    state_->version = state_->newest = std::move(version);
  } else if (event.type == Event::Type::Bookmark && ends_initial_events(event.object)) {
    complete(version, *state_->initial, now);
  }
  heard(now);
}

void Watcher::heard(Clock::time_point now) {
  state_->heard = now;
  state_->spoke = true;
  // A list that breaks off before its end again and again is no progress.
  const bool progress = !state_->lists();
  if (progress) {
    state_->barren = 0;
    state_->expired = false;
    state_->backoff.reset();
  }
  health_.with([&](WatchHealth& health) {
    health.last_event = now;
    ++health.events;
    if (progress) health.failures_in_a_row = 0;
  });
}

// An object whose facts can not be read must not stop the watch of all others.
Record Watcher::reduce(const Json& object) {
  try {
    return make_record(spec_.resource, object, spec_.manager, spec_.facts, spec_.keeps);
  } catch (const std::exception& error) {
    Record record = make_record(spec_.resource, object, spec_.manager, {}, spec_.keeps);
    health_.with([&](WatchHealth& health) {
      ++health.failures;
      health.last_error = "facts of " + record.key.text() + ": " + error.what();
    });
    return record;
  }
}

milliseconds Watcher::ended(Clock::time_point now) {
  if (state_->initial) return failed("the list broke off before its end", std::nullopt);
  if (!state_->spoke && now - *state_->opened < kShortLife) {
    return failed("the watch ended at once, without an event", std::nullopt);
  }
  state_->barren = 0;
  state_->backoff.reset();
  state_->close(State::Phase::Open);
  health_.with([](WatchHealth& health) { health.failures_in_a_row = 0; });
  return milliseconds(0);
}

milliseconds Watcher::expired(const std::string& why) {
  const bool again = std::exchange(state_->expired, true) || state_->lists();
  const milliseconds wait = failed(why, std::nullopt);
  state_->version.clear();
  state_->close(State::Phase::List);
  return again ? wait : milliseconds(0);
}

milliseconds Watcher::absent(const std::string& why) {
  store_.retain(spec_.resource.kind, spec_.ns, {});
  state_->version.clear();
  state_->newest.clear();
  state_->close(State::Phase::List);
  health_.with([&](WatchHealth& health) {
    health.synced = true;
    health.absent = true;
    health.unreachable = false;
    health.last_error = why;
  });
  return state_->backoff.next();
}

milliseconds Watcher::failed(const std::string& why,
                             std::optional<std::chrono::seconds> retry_after, bool of_version) {
  using Phase = State::Phase;
  if (of_version) ++state_->barren;
  const bool resume = !state_->lists() && state_->barren < kResumes;
  state_->close(resume ? Phase::Open : Phase::List);
  if (!resume) state_->barren = 0;
  health_.with([&](WatchHealth& health) {
    ++health.failures;
    ++health.failures_in_a_row;
    health.unreachable = false;
    health.last_error = why;
  });
  const milliseconds wait = state_->backoff.next();
  const milliseconds asked = retry_after.value_or(std::chrono::seconds(0));
  return std::max(wait, std::min(asked, Backoff::kLongest));
}

}  // namespace k8s
