// Reads one object of the resource field by field, strictly: every error becomes a problem that
// names the path, and a field that nobody asked for is one too, with the nearest known name as a
// hint. Lives inside one call of `resolve`; refers to the JSON and to the list of problems.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crds/json.h"
#include "crds/problem.h"

namespace crds {

// What a text may be. `pattern` is an ECMAScript expression for the whole text; `must` says it in
// words: "must be a CIDR like 10.0.0.0/8".
struct Text {
  std::size_t max = 253;
  std::string pattern = {};
  std::string must = {};
};

class Fields {
 public:
  using Texts = std::map<std::string, std::string>;

  // Reads `value` with `read`, then reports the fields that it did not ask for. A null is an
  // absent field, as it is to the API server.
  static void read(const Json& value, const std::string& path, Problems& problems,
                   const std::function<void(Fields&)>& read);

  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  bool has(const std::string& name) const { return find(name) != nullptr; }
  bool has_items(const std::string& name) const { return has(name) && !find(name)->empty(); }
  std::string path(const std::string& name) const { return path_ + "." + name; }

  // Empty when absent or refused.
  std::optional<std::string> text(const std::string& name, const Text& rule = {});
  std::optional<std::string> choice(const std::string& name,
                                    std::initializer_list<const char*> choices);
  std::optional<std::int64_t> integer(const std::string& name, std::int64_t least,
                                      std::int64_t most);
  std::optional<bool> flag(const std::string& name);
  std::optional<std::string> quantity(const std::string& name);  // canonical, not negative
  std::vector<std::string> texts(const std::string& name, std::size_t most, const Text& rule = {},
                                 std::size_t least = 0);
  // Keys are checked by `key`, values by `value`.
  Texts map(const std::string& name, std::size_t most, const Text& key, const Text& value);
  Json any_object(const std::string& name);  // null when absent

  // Called with an empty object when the field is absent, so that defaults are decided in one
  // place.
  void object(const std::string& name, const std::function<void(Fields&)>& read);
  void each(const std::string& name, std::size_t most, const std::function<void(Fields&)>& read);

  void refuse(const std::string& name, const std::string& message);

 private:
  Fields(const Json& value, std::string path, Problems& problems);
  const Json* find(const std::string& name) const;
  const Json* expect(const std::string& name, Json::value_t type, const char* type_name);
  bool check(const std::string& text, const std::string& path, const Text& rule);
  void report_unknown();

  const Json& value_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
};

// The name among `known` that `wrong` most likely meant, if any is near.
std::optional<std::string> nearest_name(const std::string& wrong,
                                        const std::vector<std::string>& known);

}  // namespace crds
