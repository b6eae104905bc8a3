// One kubeconfig file while it is read, and its entries. They exist to name every place in a
// message as the user finds it: file, list[name].field. Values; not thread-safe, as yaml-cpp is.
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/json.h"

namespace k8s {

class KubeconfigFile;

// A map of a kubeconfig: the body of a cluster, user or context, or a map inside of one.
class KubeconfigEntry {
 public:
  KubeconfigEntry(const KubeconfigFile& file, std::string where, const YAML::Node& body);

  // "kubeconfig FILE: clusters[NAME].FIELD"
  std::string place(const std::string& field = "") const;
  [[noreturn]] void fail(const std::string& field, const std::string& what) const;

  bool has(const char* field) const;          // and is not null
  std::string text(const char* field) const;  // absent or null: empty
  bool flag(const char* field) const;         // absent or null: false
  std::vector<std::string> texts(const char* field) const;
  std::vector<KubeconfigEntry> maps(const char* field) const;
  std::optional<KubeconfigEntry> map(const char* field) const;
  Json json(const char* field) const;
  // A path, made absolute from the folder of the file.
  std::string path(const char* field) const;
  // `FIELD-data` (base64) wins over the file `FIELD`, as in kubectl. Sets `file` for the latter.
  std::string data_or_file(const char* field, std::string& file) const;

 private:
  friend class KubeconfigFile;
  const KubeconfigFile* file_;
  std::string where_;
  YAML::Node body_;
};

class KubeconfigFile {
 public:
  // Throws ConfigError: it can not be read, or is no kubeconfig.
  explicit KubeconfigFile(const std::string& path);

  const std::string& path() const { return path_; }
  std::string absolute(const std::string& file) const;
  std::string current_context() const;
  // The body `key` of the entry `name` of the list `list`; appends the names that it sees to
  // `known`.
  std::optional<KubeconfigEntry> find(const char* list, const char* key, const std::string& name,
                                      std::vector<std::string>& known) const;

 private:
  std::string path_;
  std::filesystem::path directory_;
  YAML::Node root_;
};

}  // namespace k8s
