#include "crds/reader.h"

#include <algorithm>
#include <numeric>
#include <regex>

#include "crds/quantity.h"

namespace crds {
namespace {

constexpr std::size_t kMaxQuantity = 32;
// As the schema has it: not negative, and so few digits that every value fits 63 bits.
const std::string kQuantity =
    "[0-9]{1,15}(\\.[0-9]{1,6})?[numk]?|[0-9]{1,9}(\\.[0-9]{1,6})?(Ki|[MG]i?)|"
    "[0-9]{1,3}(\\.[0-9]{1,6})?[TP]i?";
constexpr std::size_t kMaxShown = 60;

// Whole characters only: half of one would make the message no UTF-8.
std::string shortened(const std::string& text) {
  if (text.size() <= kMaxShown) return text;
  std::size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// In one line; bytes that are no UTF-8 are replaced.
std::string escaped(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string shown(const Json& value) { return shortened(escaped(value)); }

// Without quotes.
std::string shown(const std::string& text) {
  const std::string quoted = escaped(text);
  return shortened(quoted.substr(1, quoted.size() - 2));
}

std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (std::tolower(a[i]) == std::tolower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// Characters, as the schema's maxLength counts them.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool matches(const std::string& text, const std::string& pattern) {
  thread_local std::map<std::string, std::regex> compiled;
  auto found = compiled.find(pattern);
  if (found == compiled.end()) found = compiled.emplace(pattern, std::regex(pattern)).first;
  return std::regex_match(text, found->second);
}

std::string joined(std::initializer_list<const char*> choices) {
  std::string text;
  for (const char* choice : choices) text += (text.empty() ? "" : ", ") + std::string(choice);
  return text;
}

}  // namespace

std::optional<std::string> nearest_name(const std::string& wrong,
                                        const std::vector<std::string>& known) {
  if (wrong.size() > kMaxShown) return std::nullopt;
  std::optional<std::string> best;
  std::size_t least = wrong.size() / 3 + 2;  // farther than this is no typing error
  for (const std::string& name : known) {
    const std::size_t steps = distance(wrong, name);
    if (steps >= least) continue;
    least = steps;
    best = name;
  }
  return best;
}

Fields::Fields(const Json& value, std::string path, Problems& problems)
    : value_(value), path_(std::move(path)), problems_(problems) {}

void Fields::read(const Json& value, const std::string& path, Problems& problems,
                  const std::function<void(Fields&)>& read) {
  static const Json kEmpty = Json::object();
  const bool usable = value.is_object() || value.is_null();
  if (!usable) problems.push_back({path, "is " + shown(value) + ", must be an object"});
  Fields fields(value.is_object() ? value : kEmpty, path, problems);
  read(fields);
  fields.report_unknown();
}

const Json* Fields::find(const std::string& name) const {
  const auto found = value_.find(name);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

const Json* Fields::expect(const std::string& name, Json::value_t type, const char* type_name) {
  known_.push_back(name);
  const Json* value = find(name);
  if (value == nullptr) return nullptr;
  const bool integer = type == Json::value_t::number_integer && value->is_number_integer();
  if (value->type() == type || integer) return value;
  refuse(name, "is " + shown(*value) + ", must be " + type_name);
  return nullptr;
}

bool Fields::check(const std::string& text, const std::string& path, const Text& rule) {
  if (length(text) > rule.max) {
    problems_.push_back({path, "has " + std::to_string(length(text)) + " characters, at most " +
                                   std::to_string(rule.max) + " are allowed"});
    return false;
  }
  if (rule.pattern.empty() || matches(text, rule.pattern)) return true;
  problems_.push_back({path, "is \"" + shown(text) + "\", " +
                                 (rule.must.empty() ? "must match " + rule.pattern : rule.must)});
  return false;
}

std::optional<std::string> Fields::text(const std::string& name, const Text& rule) {
  const Json* value = expect(name, Json::value_t::string, "text (in YAML: put it in quotes)");
  if (value == nullptr || !check(value->get<std::string>(), path(name), rule)) return std::nullopt;
  return value->get<std::string>();
}

std::optional<std::string> Fields::choice(const std::string& name,
                                          std::initializer_list<const char*> choices) {
  const Json* value = expect(name, Json::value_t::string, ("one of " + joined(choices)).c_str());
  if (value == nullptr) return std::nullopt;
  const std::string written = *value;
  for (const char* choice : choices) {
    if (written == choice) return written;
  }
  const auto meant = nearest_name(written, {choices.begin(), choices.end()});
  refuse(name, "is \"" + shown(written) + "\", must be one of " + joined(choices) +
                   (meant ? "; did you mean " + *meant + "?" : ""));
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(const std::string& name, std::int64_t least,
                                            std::int64_t most) {
  const Json* value = expect(name, Json::value_t::number_integer, "a whole number");
  if (value == nullptr) return std::nullopt;
  const bool huge = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
  if (!huge && value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most) {
    return value->get<std::int64_t>();
  }
  refuse(name, "is " + shown(*value) + ", must be from " + std::to_string(least) + " to " +
                   std::to_string(most));
  return std::nullopt;
}

std::optional<bool> Fields::flag(const std::string& name) {
  const Json* value = expect(name, Json::value_t::boolean, "true or false");
  return value == nullptr ? std::nullopt : std::optional(value->get<bool>());
}

std::optional<std::string> Fields::quantity(const std::string& name) {
  known_.push_back(name);
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::string written;
  if (value->is_string()) written = value->get<std::string>();
  if (value->is_number_integer()) written = value->dump();
  const bool plain = written.size() <= kMaxQuantity && matches(written, kQuantity);
  const auto quantity = plain ? Quantity::parse(written) : std::nullopt;
  if (quantity) return quantity->canonical();
  refuse(name, "is " + shown(*value) +
                   ", must be a quantity like \"500m\" or \"1Gi\", not negative (in YAML: put it "
                   "in quotes)");
  return std::nullopt;
}

std::vector<std::string> Fields::texts(const std::string& name, std::size_t most, const Text& rule,
                                       std::size_t least) {
  std::vector<std::string> texts;
  const Json* list = expect(name, Json::value_t::array, "a list of texts");
  if (list == nullptr) return texts;
  if (list->size() > most) {
    refuse(name, "has " + std::to_string(list->size()) + " items, at most " + std::to_string(most) +
                     " are allowed");
    return texts;
  }
  if (list->size() < least) refuse(name, "is empty; name one or remove it");
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string item = name + "[" + std::to_string(i) + "]";
    const Json& value = (*list)[i];
    if (!value.is_string()) {
      refuse(item, "is " + shown(value) + ", must be text");
      continue;
    }
    const std::string text = value;
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) {
      refuse(item, "is \"" + shown(text) + "\" once more; name each one once");
    }
    if (check(text, path(item), rule)) texts.push_back(text);
  }
  return texts;
}

Fields::Texts Fields::map(const std::string& name, std::size_t most, const Text& key,
                          const Text& value) {
  Texts texts;
  const Json* object = expect(name, Json::value_t::object, "an object of texts");
  if (object == nullptr) return texts;
  if (object->size() > most) {
    refuse(name, "has " + std::to_string(object->size()) + " entries, at most " +
                     std::to_string(most) + " are allowed");
    return texts;
  }
  for (const auto& [entry, held] : object->items()) {
    const std::string at = path(name) + "." + entry;
    if (held.is_null()) continue;
    if (!held.is_string()) {
      problems_.push_back({at, "is " + shown(held) + ", must be text (in YAML: put it in quotes)"});
      continue;
    }
    // Without `&&`: a wrong key with a wrong value is two problems.
    const bool good_key = check(entry, at, key);
    if (check(held.get<std::string>(), at, value) && good_key) texts[entry] = held;
  }
  return texts;
}

Json Fields::any_object(const std::string& name) {
  const Json* value = expect(name, Json::value_t::object, "an object");
  return value == nullptr ? Json() : *value;
}

void Fields::object(const std::string& name, const std::function<void(Fields&)>& read) {
  known_.push_back(name);
  const Json* value = find(name);
  Fields::read(value == nullptr ? Json() : *value, path(name), problems_, read);
}

void Fields::each(const std::string& name, std::size_t most,
                  const std::function<void(Fields&)>& read) {
  const Json* list = expect(name, Json::value_t::array, "a list");
  if (list == nullptr) return;
  if (list->size() > most) {
    refuse(name, "has " + std::to_string(list->size()) + " items, at most " + std::to_string(most) +
                     " are allowed");
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string at = path(name) + "[" + std::to_string(i) + "]";
    if ((*list)[i].is_null()) problems_.push_back({at, "is null, must be an object"});
    Fields::read((*list)[i], at, problems_, read);
  }
}

void Fields::refuse(const std::string& name, const std::string& message) {
  problems_.push_back({path(name), message});
}

void Fields::report_unknown() {
  for (const auto& [name, value] : value_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const auto meant = nearest_name(name, known_);
    refuse(shown(name), "is not a field of this version" + (meant ? "; did you mean " + *meant + "?"
                                                                  : std::string("; remove it")));
  }
}

}  // namespace crds
