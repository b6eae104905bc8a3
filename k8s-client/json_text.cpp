#include "k8s-client/json_text.h"

#include <simdjson.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace k8s {
namespace {

namespace dom = simdjson::dom;

// simdjson needs working memory of thirteen times the text.
constexpr std::size_t kLongest = 1 << 20;

// False: it is for the other parser to say what it is.
bool parse(dom::parser& parser, const std::string& text, dom::element& root) {
  return text.size() <= kLongest && parser.parse(text).get(root) == simdjson::SUCCESS;
}

// Makes nlohmann's values of simdjson's.
class Values {
 public:
  explicit Values(const Names& unread) : unread_(unread) {}

  Json of(const dom::element& element) const {
    switch (element.type()) {
      case dom::element_type::OBJECT:
        return members(dom::object(element),
                       [this](std::string_view, const dom::element& it) { return of(it); });
      case dom::element_type::ARRAY:
        return list(dom::array(element));
      case dom::element_type::STRING:
        return std::string(std::string_view(element));
      case dom::element_type::INT64: {  // what is not below zero has a type of its own here
        const std::int64_t number(element);
        if (number >= 0) return static_cast<std::uint64_t>(number);
        return number;
      }
      case dom::element_type::UINT64:
        return std::uint64_t(element);
      case dom::element_type::DOUBLE:
        return double(element);
      case dom::element_type::BOOL:
        return bool(element);
      case dom::element_type::NULL_VALUE:
        break;
    }
    return nullptr;
  }

  // `below(name, value)` reads a member. Of members with the same name the last one counts.
  template <typename Below>
  Json members(const dom::object& object, const Below& below) const {
    Json::object_t result;
    for (const dom::key_value_pair member : object)
      if (unread_.empty() || !unread_.contains(member.key))
        result.insert_or_assign(result.end(), std::string(member.key),
                                below(member.key, member.value));
    return result;
  }

 private:
  Json list(const dom::array& array) const {
    Json::array_t result;
    result.reserve(array.size());
    for (const dom::element item : array) result.push_back(of(item));
    return result;
  }

  const Names& unread_;
};

// Empty when it is absent, or of another type.
std::string_view text_of(const dom::element& entry, const char* field) {
  std::string_view text;
  return entry[field].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

bool is_ours(const dom::element& entry, const std::string& manager) {
  return text_of(entry, "manager") == manager && text_of(entry, "operation") == "Apply" &&
         text_of(entry, "subresource").empty();
}

Json entries_of(const Values& values, const dom::element& value, const std::string& manager) {
  dom::array entries;
  if (value.get(entries) != simdjson::SUCCESS) return values.of(value);
  Json list = Json::array();
  for (const dom::element entry : entries)
    if (is_ours(entry, manager)) list.push_back(values.of(entry));
  return list;
}

constexpr const char* kManagedFields[] = {"object", "metadata", "managedFields", nullptr};

// What is at the end of `path` is read as managedFields.
Json event_of(const Values& values, const dom::element& value, const char* const* path,
              const std::string& manager) {
  if (*path == nullptr) return entries_of(values, value, manager);
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return values.of(value);
  return values.members(object, [&](std::string_view name, const dom::element& below) {
    return name == *path ? event_of(values, below, path + 1, manager) : values.of(below);
  });
}

}  // namespace

Json parse_json(const std::string& text) {
  static const Names kNone;
  dom::parser parser;
  dom::element root;
  return parse(parser, text, root) ? Values(kNone).of(root) : Json::parse(text, nullptr, false);
}

struct EventReader::Parser : dom::parser {};

EventReader::EventReader(std::string manager, Names unread)
    : manager_(std::move(manager)), unread_(std::move(unread)) {}

EventReader::~EventReader() = default;

Json EventReader::read(const std::string& line) {
  dom::element root;
  if (!parser_) parser_ = std::make_unique<Parser>();
  if (!parse(*parser_, line, root)) return Json::parse(line, nullptr, false);
  return event_of(Values(unread_), root, kManagedFields, manager_);
}

void EventReader::rest() { parser_.reset(); }

}  // namespace k8s
