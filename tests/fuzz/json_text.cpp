#include "k8s-client/json_text.h"

#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

using k8s::Json;

constexpr const char* kManager = "entityservice-operator";

Json* member(Json* of, const char* name) {
  if (of == nullptr || !of->is_object()) return nullptr;
  const auto found = of->find(name);
  return found == of->end() ? nullptr : &*found;
}

Json with_our_entries_alone(Json event) {
  Json* entries = member(member(member(&event, "object"), "metadata"), "managedFields");
  if (entries == nullptr || !entries->is_array()) return event;
  Json kept = Json::array();
  for (Json& entry : *entries) {
    const auto is = [&entry](const char* name, const char* value) {
      const Json* it = member(&entry, name);
      return it != nullptr && *it == value;
    };
    const Json* subresource = member(&entry, "subresource");
    const bool of_part = subresource && subresource->is_string() && *subresource != "";
    if (is("manager", kManager) && is("operation", "Apply") && !of_part)
      kept.push_back(std::move(entry));
  }
  *entries = std::move(kept);
  return event;
}

// The same kind of value, too, since the projection's hash tells 1 from 1.0.
bool same(const Json& one, const Json& other) {
  if (one.is_discarded() || other.is_discarded()) return one.is_discarded() == other.is_discarded();
  return one == other && one.dump() == other.dump();
}

}  // namespace

void json_text(std::string_view input) {
  const std::string text(input);
  const Json expected = Json::parse(text, nullptr, false);
  promise(same(k8s::parse_json(text), expected), "the two parsers differ");
  promise(same(k8s::EventReader(kManager).read(text), with_our_entries_alone(expected)),
          "an event is not what it is with our entries alone");
}

}  // namespace fuzz
