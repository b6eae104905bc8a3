// The cache: what the API server last told us, as records. One writer per kind (its Watcher, and
// whoever has just written: read-your-writes), many readers. Thread-safe. A record that is read is
// a copy, made when it is asked for.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "k8s-client/guarded.h"
#include "k8s-client/packed_record.h"
#include "k8s-client/record.h"

namespace k8s {

// Which records are read together, and what of each counts as a change for those who read them.
struct Grouping {
  std::string label;  // records of one namespace with the same value of it are a group
  std::function<std::size_t(const Record&)> digest;
};

class Store {
 public:
  explicit Store(Grouping grouping = {}) : grouping_(std::move(grouping)) {}

  // Called after each change, outside the lock, with the record before and after (either may be
  // null). Set before the first writer starts.
  using OnChange = std::function<void(const RecordPtr& before, const RecordPtr& after)>;
  void on_change(OnChange on_change) { on_change_ = std::move(on_change); }

  // An event or an answer to a write. What is older than what is known of that name (by
  // resourceVersion) is ignored, so that a watch that lags does not undo what an answer said, and a
  // late answer does not bring back what a DELETED event took away.
  void put(Record record);
  // A DELETED event: forgets the object if it is this uid. `resource_version`: that of the event.
  void remove(const ObjectKey& key, const std::string& uid,
              const std::string& resource_version = "");
  // The end of a list of `kind` in `ns` (empty: all): what was not in it is gone, unless it is
  // newer than the list (`resource_version`).
  void retain(const std::string& kind, const std::string& ns, const std::vector<ObjectKey>& listed,
              const std::string& resource_version = "");

  // The API server went back in time (a restored backup): nothing that was known of `kind` counts
  // any more, newer or not. Tells nobody; a list follows.
  void forget(const std::string& kind, const std::string& ns);

  RecordPtr find(const ObjectKey& key) const;
  // Those of `ns` whose grouping label is `value`, by key.
  std::vector<RecordPtr> group(const std::string& ns, const std::string& value) const;
  // Equal ones mean that nothing has changed that counts: of one record (0: there is none), and of
  // a group.
  std::size_t digest(const ObjectKey& key) const;
  std::size_t group_digest(const std::string& ns, const std::string& value) const;
  std::vector<ObjectKey> keys(const std::string& kind) const;
  std::size_t size() const;

 private:
  // uids that were removed lately, with the resourceVersion up to which nothing of them counts.
  class Graves {
   public:
    void bury(const std::string& uid, const std::string& resource_version);
    bool covers(const Record& record) const;

   private:
    std::map<std::string, std::string> versions_;
    std::deque<std::string> order_;
  };
  struct Entry {
    PackedRecord record;
    std::size_t digest = 0;
  };
  struct ByKey {
    using is_transparent = void;
    static KeyView view(const Entry& entry) { return entry.record.key(); }
    static KeyView view(const KeyView& key) { return key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return view(a) < view(b);
    }
  };
  using Objects = std::set<Entry, ByKey>;
  struct State {
    Objects objects;
    std::map<std::pair<std::string, std::string>, std::vector<const Entry*>> groups;
    Graves graves;

    RecordPtr take(Objects::iterator at, const std::string& label);
    void add(Entry entry, const Record& record, const std::string& label);
  };

  void tell(const RecordPtr& before, const RecordPtr& after) const;

  const Grouping grouping_;
  OnChange on_change_;
  Guarded<State> state_;
};

}  // namespace k8s
