#include "reconcilers/read_json.h"

#include <algorithm>

namespace reconcilers {

using k8s::Json;

const Json& at(const Json& value, std::string_view path) {
  static const Json kNothing = nullptr;
  const Json* here = &value;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const auto found = here->find(path.substr(0, end));
    if (found == here->end()) return kNothing;
    here = &*found;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return *here;
}

std::string text_at(const Json& value, std::string_view path, const std::string& otherwise) {
  const Json& found = at(value, path);
  return found.is_string() ? found.get_ref<const std::string&>() : otherwise;
}

std::int64_t number_at(const Json& value, std::string_view path, std::int64_t otherwise) {
  const Json& found = at(value, path);
  return found.is_number_integer() ? found.get<std::int64_t>() : otherwise;
}

bool is_true_at(const Json& value, std::string_view path) {
  const Json& found = at(value, path);
  return found.is_boolean() && found.get<bool>();
}

}  // namespace reconcilers
