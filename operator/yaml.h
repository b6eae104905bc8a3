// YAML as kubectl reads it, to and from JSON: input files of the command line and what it prints.
// Pure functions; safe to use from any thread.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "crds/json.h"

namespace op {

struct YamlDocument {
  crds::Json value;
  // Line (from 1) of each field, by its path: "spec.workers.replicas", "spec.pod.tolerations[0]".
  std::map<std::string, int> lines;

  // Of the field, or of the nearest field around it that is written; 1 when there is none.
  int line_of(std::string path) const;
};

// what() says what is wrong, without file and line.
class YamlError : public std::runtime_error {
 public:
  YamlError(int line, const std::string& what) : std::runtime_error(what), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

// All documents that are not empty. Throws YamlError.
std::vector<YamlDocument> read_yaml(const std::string& text);

// One document, keys sorted, without "---". `comment` may return a remark on the scalar at a path.
using YamlComment = std::function<std::string(const std::string& path)>;
std::string to_yaml(const crds::Json& value, const YamlComment& comment = {});

}  // namespace op
