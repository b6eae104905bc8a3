// Where the conformance tests run: the API server in memory, or a real one whose kubeconfig stands
// in CONFORMANCE_KUBECONFIG. Both through the same client. A test has a namespace of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/errors.h"
#include "k8s-client/record.h"
#include "tests/faults/schema.h"

namespace faults {

class Lab : public ::testing::Test {
 protected:
  Lab();
  ~Lab() override;

  // As the operator's client does it, as field manager `manager`.
  Json create(const Json& body, const std::string& manager = kUs);  // apply that only creates
  Json update(const Json& body, const std::string& manager = kUs);  // apply of what is there
  Json post(const Json& body) const;
  Json merge(const std::string& kind, const std::string& name, const Json& body,
             const std::string& manager = "other") const;
  std::optional<Json> find(const std::string& kind, const std::string& name) const;
  Json get(const std::string& kind, const std::string& name) const;
  // The status code: 200 when it was done.
  int code(const std::function<void()>& request);
  std::string last_error;  // what it said

  // Waits for what controllers do.
  bool eventually(const std::function<bool()>& holds);

  // A body of the kind with a name, in the namespace of the test.
  Json body(const std::string& kind, const std::string& name, const Json& more = {}) const;
  Json deployment(const std::string& name) const;

  k8s::Client& client() const;
  k8s::Transport& transport() const;

  static constexpr const char* kUs = "conformance";
  const std::string ns;
};

const k8s::Resource& resource(const std::string& kind);
std::string uid_of(const Json& object);
std::string version_of(const Json& object);
bool in_step(const Json& object, const Json& body);  // all of `body` is ours, and nothing else

}  // namespace faults
