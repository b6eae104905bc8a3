// Which objects a list or watch is about, and the stream of a watch: the stored log from a version
// on, bookmarks, a list as its beginning. What a server may do to a watch is done to it from
// outside: it can lag, fall silent, break off, and say that its version has expired.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/transport.h"
#include "tests/faults/schema.h"
#include "tests/faults/storage.h"

namespace faults {

struct Scope {
  const Kind* kind;
  std::string ns = {};      // empty: all
  std::string labels = {};  // "a", "!a", "a=b", separated by commas
  std::string fields = {};  // "metadata.name=x"
  bool metadata_only = false;

  bool covers(const ObjectKey& key) const;
  bool selects(const ObjectPtr& object) const;  // null: no
  Json shown(const Json& object) const;         // as this client asked to see it
};

Json status_body(int code, const std::string& reason, const std::string& message,
                 Json details = nullptr);

// The server's end of a watch, shared with the client's stream. Times are those of the server.
struct WatchState {
  Scope scope;
  std::size_t position = 0;     // in the log
  std::deque<std::string> due;  // lines before all others
  k8s::Clock::time_point ends, next_bookmark, last_line;
  std::chrono::milliseconds idle{};
  bool closed = false;   // the client has gone
  bool broken = false;   // the connection is to break off
  bool expired = false;  // the version is no longer known
  k8s::Clock::time_point silent_until{};
  std::int64_t withheld = 0;  // revisions by which this server's cache lags
};

class WatchStream final : public k8s::Stream {
 public:
  // All must outlive the stream; `lines` counts what was read.
  WatchStream(const Storage& storage, const k8s::Now& now, std::uint64_t& lines,
              std::shared_ptr<WatchState> state)
      : storage_(storage), now_(now), lines_(lines), state_(std::move(state)) {}
  ~WatchStream() override { state_->closed = true; }

  Read next(std::chrono::milliseconds wait) override;

 private:
  Read line(std::string text);
  bool advance(Read& read);

  const Storage& storage_;
  const k8s::Now& now_;
  std::uint64_t& lines_;
  const std::shared_ptr<WatchState> state_;
  bool ended_ = false;
};

// A page of a list as it was when its first page was read, or `lag` revisions ago; nullopt: that is
// no longer known. `token`: where it goes on, empty at first.
std::optional<Json> list_page(const Storage& storage, const Scope& scope, const std::string& token,
                              std::size_t most, std::int64_t lag);

std::string watch_line(const std::string& type, const Json& object);
Json bookmark(const Scope& scope, std::int64_t version, bool ends_list);

}  // namespace faults
