// Reads the JSON that API servers send, by simdjson and in half of the time that nlohmann's own
// parser needs (docs/adr/0013-simdjson.md). What simdjson refuses is left to that parser, so that
// exactly the same texts are JSON, with the same values.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "k8s-client/json.h"

namespace k8s {

// Discarded when it is not JSON. Thread-safe.
Json parse_json(const std::string& text);

using Names = std::set<std::string, std::less<>>;

// Of the lines of a watch, one after the other. Not thread-safe. Holds some ten times the longest
// line as memory, so it lives as long as there are lines to read.
class EventReader {
 public:
  // Left out is what nobody reads of most that an API server sends: entries of managedFields that
  // are of another manager, and members of objects that have one of the names of `unread`, at any
  // depth.
  explicit EventReader(std::string manager, Names unread = {});
  ~EventReader();

  // Discarded when it is not JSON.
  Json read(const std::string& line);

 private:
  struct Parser;
  const std::string manager_;
  const Names unread_;
  const std::unique_ptr<Parser> parser_;
};

}  // namespace k8s
