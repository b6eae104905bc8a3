#include "operator/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>
#include <sstream>
#include <utility>

namespace op {
namespace {

using crds::Json;

constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 100'000;  // aliases can make a small file endless

int line_of_mark(const YAML::Mark& mark) { return mark.line < 0 ? 1 : mark.line + 1; }

// yaml-cpp 0.7 stops before what cannot begin a document, such as a comma, and takes it for one
// empty document after the other, without end (its issue 1040).
class Documents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_) {
      throw YAML::ParserException(
          mark, "no document can begin like this; remove the character, or quote the text");
    }
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

void check_documents(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Documents documents;
  while (parser.HandleNextDocument(documents)) {
  }
}

// YAML 1.1, as the API server's clients have it: `On` is a boolean there, and 1_000 a number.
Json plain_scalar(const std::string& text) {
  static const std::set<std::string> kTrue = {"true", "True", "TRUE", "yes", "Yes",
                                              "YES",  "on",   "On",   "ON"};
  static const std::set<std::string> kFalse = {"false", "False", "FALSE", "no", "No",
                                               "NO",    "off",   "Off",   "OFF"};
  static const std::set<std::string> kNull = {"", "~", "null", "Null", "NULL"};
  static const std::regex kInteger("[-+]?[0-9][0-9_]{0,18}");
  static const std::regex kDecimal("[-+]?([0-9]+\\.[0-9]*|\\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?");
  if (kTrue.contains(text)) return true;
  if (kFalse.contains(text)) return false;
  if (kNull.contains(text)) return nullptr;
  if (std::regex_match(text, kInteger)) {
    std::string digits = text;
    std::erase(digits, '_');
    return std::strtoll(digits.c_str(), nullptr, 10);
  }
  if (std::regex_match(text, kDecimal)) return std::strtod(text.c_str(), nullptr);
  return text;
}

// Of a scalar. JSON knows UTF-8 alone.
const std::string& text_of(const YAML::Node& node) {
  try {
    Json(node.Scalar()).dump();
  } catch (const Json::type_error&) {
    throw YamlError(line_of_mark(node.Mark()), "this is not UTF-8; save the file as UTF-8");
  }
  return node.Scalar();
}

std::string field_path(const std::string& parent, const std::string& key) {
  return parent.empty() ? key : parent + "." + key;
}

std::string item_path(const std::string& parent, std::size_t index) {
  return parent + "[" + std::to_string(index) + "]";
}

class Reader {
 public:
  YamlDocument read(const YAML::Node& root) {
    document_.value = convert(root, "", 0);
    return std::move(document_);
  }

 private:
  Json convert(const YAML::Node& node, const std::string& path, int depth) {
    const int line = line_of_mark(node.Mark());
    document_.lines.emplace(path, line);
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      throw YamlError(line, "too deep or too large for a resource");
    }
    if (node.IsMap()) return convert_map(node, path, depth);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const YAML::Node& item : node) {
        list.push_back(convert(item, item_path(path, list.size()), depth + 1));
      }
      return list;
    }
    if (!node.IsScalar()) return nullptr;
    // "!": quoted or a block, so a string whatever it looks like
    return node.Tag() == "!" ? Json(text_of(node)) : plain_scalar(text_of(node));
  }

  Json convert_map(const YAML::Node& node, const std::string& path, int depth) {
    Json map = Json::object();
    for (const auto& entry : node) {
      const int line = line_of_mark(entry.first.Mark());
      if (!entry.first.IsScalar()) throw YamlError(line, "a field's name must be a text");
      const std::string key = text_of(entry.first);
      const std::string below = field_path(path, key);
      if (map.contains(key)) throw YamlError(line, below + ": is written twice; remove one");
      document_.lines[below] = line;
      map[key] = convert(entry.second, below, depth + 1);
    }
    return map;
  }

  YamlDocument document_;
  int nodes_ = 0;
};

// Only texts that no reader of YAML takes for anything else go without quotes.
bool plain_is_safe(const std::string& text) {
  static const std::regex kSafe("[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*");
  static const std::set<std::string> kTaken = {"y",   "n",    "yes",   "no",  "on",
                                               "off", "true", "false", "null"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text.size() < 256 && std::regex_match(text, kSafe) && !kTaken.contains(lower);
}

// A block keeps scripts and configurations readable; it cannot hold control characters, and what
// begins with a space or ends in several line ends would need indicators.
bool block_is_safe(const std::string& text) {
  if (text.find('\n') == std::string::npos || text.front() == ' ' || text.front() == '\n') {
    return false;
  }
  if (text.size() > 1 && text.ends_with("\n\n")) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
}

class Writer {
 public:
  explicit Writer(const YamlComment& comment) : comment_(comment) {}

  std::string write(const Json& value) {
    if (value.is_structured() && !value.empty()) {
      members(value, "", 0);
    } else {
      inline_value(value, "", 0);
    }
    return std::move(text_);
  }

 private:
  // `indent`: of the members themselves. The first one may stand on a line that has begun.
  void members(const Json& value, const std::string& path, int indent, bool on_line = false) {
    std::size_t index = 0;
    for (const auto& item : value.items()) {
      if (!on_line) text_.append(static_cast<std::size_t>(indent), ' ');
      on_line = false;
      if (value.is_array()) {
        text_ += "-";
        element(item.value(), item_path(path, index++), indent);
      } else {
        text_ += plain_is_safe(item.key()) ? item.key() : Json(item.key()).dump();
        text_ += ":";
        member(item.value(), field_path(path, item.key()), indent);
      }
    }
  }

  void element(const Json& value, const std::string& path, int indent) {
    text_ += " ";
    if (value.is_structured() && !value.empty()) {
      members(value, path, indent + 2, /*on_line=*/true);
    } else {
      inline_value(value, path, indent);
    }
  }

  void member(const Json& value, const std::string& path, int indent) {
    if (value.is_structured() && !value.empty()) {
      text_ += "\n";
      members(value, path, value.is_array() ? indent : indent + 2);
    } else {
      text_ += " ";
      inline_value(value, path, indent);
    }
  }

  void inline_value(const Json& value, const std::string& path, int indent) {
    if (value.is_string() && block_is_safe(value.get_ref<const std::string&>())) {
      block(value.get_ref<const std::string&>(), indent + 2);
      return;
    }
    const bool plain = value.is_string() && plain_is_safe(value.get_ref<const std::string&>());
    text_ += plain ? value.get_ref<const std::string&>() : value.dump();
    const std::string remark = comment_ ? comment_(path) : std::string();
    if (!remark.empty()) text_ += "  # " + remark;
    text_ += "\n";
  }

  void block(const std::string& content, int indent) {
    const bool ends_line = content.ends_with('\n');
    text_ += ends_line ? "|\n" : "|-\n";
    std::size_t begin = 0;
    while (begin < content.size()) {
      const std::size_t end = std::min(content.find('\n', begin), content.size());
      if (end > begin) text_.append(static_cast<std::size_t>(indent), ' ');
      text_.append(content, begin, end - begin);
      text_ += "\n";
      begin = end + 1;
    }
  }

  const YamlComment& comment_;
  std::string text_;
};

}  // namespace

int YamlDocument::line_of(std::string path) const {
  for (;;) {
    const auto found = lines.find(path);
    if (found != lines.end()) return found->second;
    const std::size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return 1;
    path.resize(end);
  }
}

std::vector<YamlDocument> read_yaml(const std::string& text) {
  std::vector<YamlDocument> documents;
  try {
    check_documents(text);
    for (const YAML::Node& root : YAML::LoadAll(text)) {
      YamlDocument document = Reader().read(root);
      if (!document.value.is_null()) documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& error) {
    throw YamlError(line_of_mark(error.mark), error.msg);
  }
  return documents;
}

std::string to_yaml(const Json& value, const YamlComment& comment) {
  return Writer(comment).write(value);
}

}  // namespace op
