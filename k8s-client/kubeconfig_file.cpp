#include "k8s-client/kubeconfig_file.h"

#include <algorithm>
#include <utility>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"

namespace k8s {
namespace {

// An anchor may contain itself, and a few lines of anchors may stand for billions of nodes.
constexpr int kDeepest = 32;
constexpr int kMostNodes = 10'000;

bool absent(const YAML::Node& node) { return !node || node.IsNull(); }

Json scalar(const YAML::Node& node) {
  if (node.Tag() == "!") return node.Scalar();  // quoted
  if (bool value = false; YAML::convert<bool>::decode(node, value)) return value;
  if (std::int64_t value = 0; YAML::convert<std::int64_t>::decode(node, value)) return value;
  if (double value = 0; YAML::convert<double>::decode(node, value)) return value;
  return node.Scalar();
}

// nullopt: too deep or too large.
std::optional<Json> to_json(const YAML::Node& node, int depth, int& nodes) {
  if (depth > kDeepest || ++nodes > kMostNodes) return std::nullopt;
  if (absent(node)) return Json(nullptr);
  if (node.IsScalar()) return scalar(node);
  Json out = node.IsMap() ? Json::object() : Json::array();
  for (const auto& item : node) {
    auto value = to_json(node.IsMap() ? item.second : item, depth + 1, nodes);
    if (!value) return std::nullopt;
    if (node.IsMap()) {
      if (!item.first.IsScalar()) return std::nullopt;
      out[item.first.Scalar()] = std::move(*value);
    } else {
      out.push_back(std::move(*value));
    }
  }
  return out;
}

}  // namespace

KubeconfigEntry::KubeconfigEntry(const KubeconfigFile& file, std::string where,
                                 const YAML::Node& body)
    : file_(&file), where_(std::move(where)), body_(body) {}

std::string KubeconfigEntry::place(const std::string& field) const {
  const char* dot = where_.empty() || field.empty() ? "" : ".";
  return "kubeconfig " + file_->path() + ": " + where_ + dot + field;
}

void KubeconfigEntry::fail(const std::string& field, const std::string& what) const {
  throw ConfigError(place(field) + " " + what);
}

bool KubeconfigEntry::has(const char* field) const { return !absent(std::as_const(body_)[field]); }

std::string KubeconfigEntry::text(const char* field) const {
  const YAML::Node node = std::as_const(body_)[field];
  if (absent(node)) return {};
  if (!node.IsScalar()) fail(field, "is a list or a map: write a string");
  return node.Scalar();
}

bool KubeconfigEntry::flag(const char* field) const {
  const YAML::Node node = std::as_const(body_)[field];
  if (absent(node)) return false;
  bool value = false;
  if (!node.IsScalar() || node.Tag() == "!" || !YAML::convert<bool>::decode(node, value)) {
    fail(field, "is not a truth value: write true or false, without quotes");
  }
  return value;
}

std::vector<std::string> KubeconfigEntry::texts(const char* field) const {
  const YAML::Node list = std::as_const(body_)[field];
  if (absent(list)) return {};
  if (!list.IsSequence()) fail(field, "is not a list: write a list of strings");
  std::vector<std::string> out;
  for (const auto& item : list) {
    if (!item.IsScalar()) {
      fail(field + ("[" + std::to_string(out.size()) + "]"), "is not a string: write one");
    }
    out.push_back(item.Scalar());
  }
  return out;
}

std::vector<KubeconfigEntry> KubeconfigEntry::maps(const char* field) const {
  const YAML::Node list = std::as_const(body_)[field];
  if (absent(list)) return {};
  if (!list.IsSequence()) fail(field, "is not a list: write a list of maps");
  std::vector<KubeconfigEntry> out;
  for (const auto& item : list) {
    const std::string name = field + ("[" + std::to_string(out.size()) + "]");
    if (!item.IsMap()) fail(name, "is not a map: write its fields");
    out.emplace_back(*file_, where_.empty() ? name : where_ + "." + name, item);
  }
  return out;
}

std::optional<KubeconfigEntry> KubeconfigEntry::map(const char* field) const {
  const YAML::Node node = std::as_const(body_)[field];
  if (absent(node)) return std::nullopt;
  if (!node.IsMap()) fail(field, "is not a map: write its fields");
  return KubeconfigEntry(*file_, where_ + "." + field, node);
}

Json KubeconfigEntry::json(const char* field) const {
  int nodes = 0;
  auto out = to_json(std::as_const(body_)[field], 0, nodes);
  if (!out) fail(field, "is too deep or too large: keep it below 10000 values in 32 levels");
  return std::move(*out);
}

std::string KubeconfigEntry::path(const char* field) const { return file_->absolute(text(field)); }

std::string KubeconfigEntry::data_or_file(const char* field, std::string& file) const {
  const std::string data_field = std::string(field) + "-data";
  if (const std::string data = text(data_field.c_str()); !data.empty()) {
    auto decoded = base64_decode(data);
    if (!decoded) fail(data_field, "is not base64: encode the PEM text with base64 -w0");
    return std::move(*decoded);
  }
  file = path(field);
  if (file.empty()) return {};
  auto content = read_file(file);
  if (!content) {
    fail(field, "names " + file + ", which can not be read: correct the path or the permissions");
  }
  return std::move(*content);
}

KubeconfigFile::KubeconfigFile(const std::string& path)
    : path_(path), directory_(std::filesystem::absolute(path).parent_path()) {
  const auto text = read_file(path);
  if (!text) {
    throw ConfigError("kubeconfig " + path +
                      " can not be read: check that it exists and the permissions");
  }
  const auto refuse = [this](const std::string& what) {
    throw ConfigError("kubeconfig " + path_ + ": " + what);
  };
  try {
    root_ = YAML::Load(*text);
  } catch (const YAML::Exception& error) {
    refuse("is not YAML: " + std::string(error.what()));
  }
  if (root_.IsNull()) root_ = YAML::Node(YAML::NodeType::Map);
  if (!root_.IsMap()) refuse("is not a kubeconfig: it has no fields");
  const KubeconfigEntry root(*this, "", root_);
  const std::string kind = root.text("kind");
  const std::string version = root.text("apiVersion");
  if ((!kind.empty() && kind != "Config") || (!version.empty() && version != "v1")) {
    refuse("is not a kubeconfig but " + version + " " + kind + ": it must be v1 Config");
  }
}

std::string KubeconfigFile::absolute(const std::string& file) const {
  if (file.empty()) return {};
  return (directory_ / file).lexically_normal().string();
}

std::string KubeconfigFile::current_context() const {
  return KubeconfigEntry(*this, "", root_).text("current-context");
}

std::optional<KubeconfigEntry> KubeconfigFile::find(const char* list, const char* key,
                                                    const std::string& name,
                                                    std::vector<std::string>& known) const {
  std::optional<KubeconfigEntry> found;
  for (const KubeconfigEntry& candidate : KubeconfigEntry(*this, "", root_).maps(list)) {
    const std::string its_name = candidate.text("name");
    if (std::ranges::find(known, its_name) == known.end()) known.push_back(its_name);
    if (its_name != name) continue;
    if (found) candidate.fail("name", "'" + name + "' is there twice: remove one of the two");
    found = candidate.map(key);
    if (!found) candidate.fail(key, "is missing: write the fields of " + name);
    found->where_ = std::string(list) + "[" + name + "]";
  }
  return found;
}

}  // namespace k8s
