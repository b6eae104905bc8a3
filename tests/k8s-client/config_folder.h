// A folder with configuration files, for one test; and what refuses them, as text.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include "k8s-client/errors.h"

namespace k8s {

class ConfigFolder : public testing::Test {
 protected:
  ConfigFolder() : folder_(testing::TempDir() + "config-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~ConfigFolder() override {
    std::filesystem::remove_all(folder_);
    for (const auto& [name, value] : before_) {
      value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
    }
  }

  std::string write(const std::string& name, const std::string& content) {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
    return path.string();
  }
  std::string script(const std::string& name, const std::string& body) {
    const std::string path = write(name, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  // A kubeconfig with these fields of cluster, user and context.
  std::string kubeconfig(const std::string& cluster, const std::string& user = "{token: t}",
                         const std::string& context = "{cluster: c, user: u}") {
    return write("config", "current-context: x\nclusters: [{name: c, cluster: " + cluster +
                               "}]\nusers: [{name: u, user: " + user +
                               "}]\ncontexts: [{name: x, context: " + context + "}]\n");
  }
  void set(const std::string& name, const std::string& value) {
    const char* old = std::getenv(name.c_str());
    before_.emplace(name, old == nullptr ? "" : old);
    value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
  }
  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  const std::string folder_;

 private:
  std::map<std::string, std::string> before_;
};

}  // namespace k8s
