#include "tests/crds/yaml.h"

#include <yaml-cpp/yaml.h>

#include "tests/source_dir.h"

namespace crds::testing {
namespace {

Json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // it was quoted
  std::int64_t integer = 0;
  double number = 0;
  if (YAML::convert<std::int64_t>::decode(node, integer)) return integer;
  if (YAML::convert<double>::decode(node, number)) return number;
  if (text == "true" || text == "false") return text == "true";
  if (text == "null" || text == "~" || text.empty()) return nullptr;
  return text;
}

Json convert(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) object[entry.first.Scalar()] = convert(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const auto& item : node) list.push_back(convert(item));
    return list;
  }
  return node.IsScalar() ? scalar(node) : Json();
}

}  // namespace

Json read_yaml(const std::string& path) {
  return convert(YAML::LoadFile(std::string(kSourceDir) + "/" + path));
}

}  // namespace crds::testing
