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

// Of the lines of a watch, one after the other. Not thread-safe.
class EventReader {
 public:
  // Left out is what nobody reads: of managedFields all but what `manager` owns by Apply on the
  // object itself, which is what `owned_part` looks for; and members that have one of the names of
  // `unread`, at any depth.
  explicit EventReader(std::string manager, Names unread = {});
  ~EventReader();

  // Discarded when it is not JSON.
  Json read(const std::string& line);
  // Gives back its working memory, some thirteen times the longest line, until there is another.
  void rest();

 private:
  struct Parser;
  const std::string manager_;
  const Names unread_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace k8s
