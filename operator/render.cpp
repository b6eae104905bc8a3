#include "operator/render.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "crds/resolve.h"
#include "operator/effective.h"
#include "operator/unknown.h"
#include "operator/yaml.h"
#include "reconcilers/desired/desired.h"
#include "reconcilers/desired/redis_names.h"

namespace op {
namespace {

namespace desired = reconcilers::desired;
using crds::Json;

struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What two clusters could hold where this program cannot know: what differs between the objects
// built with the one and with the other is unknown.
struct Guess {
  const char* uid;
  char secret;
  const char* identity;
  const char* network;
};
constexpr Guess kOne = {"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", 'a', "one", "192.0.2."};
constexpr Guess kOther = {"bbbbbbbb-bbbb-5bbb-9bbb-bbbbbbbbbbbb", 'b', "other", "198.51.100.10"};

std::string read_file(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(path + ": cannot be read; give a file or - for standard input");
  text << file.rdbuf();
  return text.str();
}

std::vector<YamlDocument> read_documents(const std::string& path) {
  try {
    return read_yaml(read_file(path));
  } catch (const YamlError& error) {
    throw InputError(path + ":" + std::to_string(error.line()) + ": " + error.what());
  }
}

std::optional<desired::Credentials> read_credentials(const std::string& path) {
  if (path.empty()) return std::nullopt;
  const std::vector<YamlDocument> documents = read_documents(path);
  if (documents.size() != 1 || !documents.front().value.is_object()) {
    throw InputError(path + ": must be one map of the credentials' keys and values");
  }
  desired::Credentials credentials;
  for (const auto& [key, value] : documents.front().value.items()) {
    if (!value.is_string()) throw InputError(path + ": " + key + ": must be a text; quote it");
    credentials[key] = value;
  }
  return credentials;
}

desired::Facts facts(const RenderOptions& options, const crds::Resolved& resolved,
                     const std::optional<desired::Credentials>& known, const Guess& guess) {
  desired::Facts result{.redis_bootstrap = options.bootstrap,
                        .database_identity = guess.identity,
                        .object_store_identity = guess.identity};
  result.credentials = desired::complete_credentials(
      known.value_or(desired::Credentials()),
      [&](std::size_t length) { return std::string(length, guess.secret); });
  std::vector<desired::RedisHost> hosts = desired::redis_hosts(resolved);
  if (!hosts.empty()) std::rotate(hosts.begin(), hosts.begin() + 1, hosts.end());  // Sentinels last
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    result.redis_addresses[hosts[i].service] = i < options.redis_addresses.size()
                                                   ? options.redis_addresses[i]
                                                   : guess.network + std::to_string(i + 1);
  }
  return result;
}

Json build(const RenderOptions& options, crds::Resolved resolved,
           const std::optional<desired::Credentials>& known, const Guess& guess) {
  if (resolved.uid.empty()) resolved.uid = guess.uid;
  Json bodies = Json::array();
  for (desired::Object& object : desired::build(resolved, facts(options, resolved, known, guess))) {
    bodies.push_back(std::move(object.body));
  }
  return bodies;
}

// Empty after its problems have been told.
std::optional<crds::Resolved> resolve(const RenderOptions& options, const YamlDocument& document,
                                      std::ostream& err) {
  Json object = document.value;
  if (object.is_object() && object["metadata"].is_object() &&
      object["metadata"].value("namespace", Json()).is_null()) {
    object["metadata"]["namespace"] = options.ns.empty() ? "default" : options.ns;
  }
  // Which namespaces allow versions that are no releases only the operator is told.
  crds::Outcome outcome = crds::resolve(object, {.prerelease_allowed = true});
  for (const crds::Problem& problem : outcome.problems) {
    err << options.file << ":" << document.line_of(problem.path) << ": " << problem.text() << "\n";
  }
  return std::move(outcome.resolved);
}

bool is_entity_service(const Json& document) {
  return document.is_object() && document.value("kind", Json()) == "EntityService";
}

}  // namespace

int render(const RenderOptions& options, std::ostream& out, std::ostream& err) try {
  const auto credentials = read_credentials(options.credentials);
  bool found = false, failed = false;
  std::string text;
  for (const YamlDocument& document : read_documents(options.file)) {
    if (!is_entity_service(document.value)) continue;
    found = true;
    const auto resolved = resolve(options, document, err);
    if (!resolved) {
      failed = true;
    } else if (options.effective) {
      text += "---\n" + explain(document.value, *resolved);
    } else {
      const Json bodies = mark_unknown(build(options, *resolved, credentials, kOne),
                                       build(options, *resolved, credentials, kOther));
      for (const Json& body : bodies) text += "---\n" + to_yaml(body);
    }
  }
  if (!found) throw InputError(options.file + ": has no document of kind EntityService");
  if (failed) return 1;
  out << text;
  return 0;
} catch (const InputError& error) {
  err << error.what() << "\n";
  return 1;
}

}  // namespace op
