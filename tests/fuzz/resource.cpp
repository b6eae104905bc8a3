#include "crds/resolve.h"
#include "operator/effective.h"
#include "operator/yaml.h"
#include "reconcilers/desired/desired.h"
#include "tests/fuzz/targets.h"

namespace fuzz {
namespace {

namespace desired = reconcilers::desired;

constexpr crds::Policy kPolicy{.prerelease_allowed = true};

void build(const crds::Json& object, const crds::Resolved& resolved) {
  desired::Facts facts{.database_identity = "one", .object_store_identity = "one"};
  facts.credentials = desired::complete_credentials(
      {}, [](std::size_t length) { return std::string(length, 'a'); });
  for (const desired::Object& it : desired::build(resolved, facts)) {
    promise(!it.name().empty(), "an object without a name: " + it.kind());
    it.body.dump();  // throws where a text is not UTF-8
  }
  op::explain(object, resolved);
}

}  // namespace

void resource(std::string_view input) {
  std::vector<op::YamlDocument> documents;
  try {
    documents = op::read_yaml(std::string(input));
  } catch (const op::YamlError& error) {
    promise(error.line() >= 1, "an error without a line");
    return;
  }
  const crds::Json* before = nullptr;
  for (const op::YamlDocument& document : documents) {
    const crds::Outcome outcome = crds::resolve(document.value, kPolicy);
    promise(outcome.resolved.has_value() == outcome.problems.empty(),
            "neither a result nor a problem, or both");
    for (const crds::Problem& problem : outcome.problems) {
      promise(document.line_of(problem.path) >= 1, "a problem without a line");
    }
    if (outcome.resolved) build(document.value, *outcome.resolved);
    if (before != nullptr) crds::check_transition(*before, document.value);
    before = &document.value;
  }
}

}  // namespace fuzz
