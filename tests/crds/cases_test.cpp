// The code's verdict on tests/crds/cases.yaml; the schema's is found by tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "crds/resolve.h"
#include "tests/crds/yaml.h"

namespace crds {
namespace {

using ::testing::IsEmpty;

const Json& all() {
  static const Json kAll = testing::read_yaml("tests/crds/cases.yaml");
  return kAll;
}

Json resource(const Json& spec, const Json& metadata = {{"name", "demo"}}) {
  return {{"apiVersion", "entityservice.io/v1alpha1"},
          {"kind", "EntityService"},
          {"metadata", metadata},
          {"spec", spec}};
}

Problems problems_of(const Json& it, bool prerelease_allowed = false) {
  return resolve(it, {.prerelease_allowed = prerelease_allowed}).problems;
}

std::string shown(const Problems& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.text() + "\n";
  return text;
}

// True when the code is expected to refuse.
bool refused(const Json& it) {
  const Json where = it.value("where", Json::array({"schema", "code"}));
  return !it.at("accepted") && std::find(where.begin(), where.end(), "code") != where.end();
}

void expect_verdict(const Json& it, const Problems& problems) {
  if (!refused(it)) {
    EXPECT_THAT(problems, IsEmpty()) << shown(problems);
    return;
  }
  ASSERT_EQ(problems.size(), 1U) << shown(problems);
  EXPECT_EQ(problems.front().path, it.at("path")) << shown(problems);
}

TEST(Cases, GetTheVerdictThatTheFileSays) {
  for (const Json& it : all().at("cases")) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    const Json metadata = it.value("metadata", Json::object({{"name", "demo"}}));
    expect_verdict(
        it, problems_of(resource(it.at("spec"), metadata), it.value("prerelease_allowed", false)));
  }
}

// What is written at `path`; null where nothing is, or more than one value.
Json written(const Json& whole, const std::string& path) {
  std::string pointer = "/" + path;
  for (char& c : pointer) {
    if (c == '.' || c == '[') c = '/';
  }
  std::erase(pointer, ']');
  const Json value = whole.value(Json::json_pointer(pointer), Json());
  return value.is_structured() ? Json() : value;
}

bool says_what_to_do(const std::string& message) {
  for (const char* words : {"must ", "write ", "remove ", "use ", "name ", "at most ",
                            "did you mean ", "make a new ", "raise "}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

// Whatever its value were.
bool the_field_is_wrong(const std::string& message) {
  for (const char* words : {"remove ", "use spec.", "did you mean ", "name of ", "label key "}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

void expect_readable(const Json& object, const Problems& problems) {
  for (const Problem& problem : problems) {
    SCOPED_TRACE(problem.text());
    EXPECT_TRUE(says_what_to_do(problem.message));
    EXPECT_EQ(problem.text().find('\n'), std::string::npos);
    const Json value = written(object, problem.path);
    if (value.is_null() || the_field_is_wrong(problem.message)) continue;
    // Long values are shown by their beginning, and too long ones by their length.
    std::string text = value.dump();
    if (value.is_string()) text = text.substr(1, text.size() - 2);
    const bool shown = problem.message.find(text.substr(0, 20)) != std::string::npos ||
                       problem.message.find(std::to_string(text.size())) != std::string::npos;
    EXPECT_TRUE(shown) << "does not name " << text;
  }
}

TEST(Messages, NameFieldValueAndRemedy) {
  int seen = 0;
  for (const Json& it : all().at("cases")) {
    if (!refused(it)) continue;
    SCOPED_TRACE(it.at("name").get<std::string>());
    const Json object =
        resource(it.at("spec"), it.value("metadata", Json::object({{"name", "demo"}})));
    expect_readable(object, problems_of(object, it.value("prerelease_allowed", false)));
    ++seen;
  }
  for (const Json& it : all().at("transitions")) {
    if (!refused(it)) continue;
    SCOPED_TRACE(it.at("name").get<std::string>());
    const Json after = resource(it.at("after"));
    expect_readable(after, check_transition(resource(it.at("before")), after));
    ++seen;
  }
  EXPECT_GE(seen, 100);
}

TEST(Transitions, GetTheVerdictThatTheFileSays) {
  for (const Json& it : all().at("transitions")) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    const Json before = resource(it.at("before")), after = resource(it.at("after"));
    EXPECT_THAT(problems_of(before), IsEmpty()) << shown(problems_of(before));
    EXPECT_THAT(problems_of(after), IsEmpty()) << shown(problems_of(after));
    expect_verdict(it, check_transition(before, after));
  }
}

TEST(Transitions, LookAtNothingButTheSpec) {
  Json before = resource(Json::object()), after = before;
  before["status"] = {{"version", "1.15.1"}};
  after["metadata"]["labels"] = {{"a", "b"}};
  EXPECT_THAT(check_transition(before, after), IsEmpty());
}

TEST(Transitions, SurviveResourcesOfAnyShape) {
  for (const Json& odd : {Json(), Json(1), Json::array(), resource(Json::array()),
                          resource({{"database", "x"}}), resource({{"redis", {{"managed", 3}}}})}) {
    check_transition(odd, resource(Json::object()));
    check_transition(resource(Json::object()), odd);
  }
}

TEST(Samples, AreValid) {
  for (const char* sample : {"minimal", "test", "production"}) {
    SCOPED_TRACE(sample);
    const Json read = testing::read_yaml("manifests/samples/" + std::string(sample) + ".yaml");
    EXPECT_THAT(problems_of(read), IsEmpty()) << shown(problems_of(read));
  }
}

TEST(CrdFile, StaysBelowTheLimitOfItsOwnApply) {
  // kubectl apply keeps the whole object in an annotation, which takes no more.
  EXPECT_LT(testing::read_yaml("crds/entityservice.crd.yaml").dump().size(), 262'144U);
}

// Every node of the schema, with its path.
void visit(const Json& schema, const std::string& path,
           const std::function<void(const Json&, const std::string&)>& look) {
  look(schema, path);
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, child] : properties.items()) {
    visit(child, path + "." + name, look);
  }
  for (const char* inner : {"items", "additionalProperties"}) {
    if (schema.contains(inner)) visit(schema.at(inner), path + "[]", look);
  }
}

TEST(CrdFile, DescribesAndBoundsEveryField) {
  const Json crd = testing::read_yaml("crds/entityservice.crd.yaml");
  const Json schema = crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema");
  std::size_t seen = 0;
  for (const char* part : {"spec", "status"}) {
    visit(schema.at("properties").at(part), part, [&](const Json& node, const std::string& path) {
      SCOPED_TRACE(path);
      ++seen;
      const std::string type = node.value("type", "");
      EXPECT_TRUE(node.contains("description"));
      EXPECT_TRUE(type != "string" || node.contains("maxLength") || node.contains("enum"));
      EXPECT_TRUE(type != "array" || node.contains("maxItems"));
      EXPECT_TRUE(type != "array" || node.contains("x-kubernetes-list-type"));
      EXPECT_TRUE(!node.contains("additionalProperties") || node.contains("maxProperties"));
    });
  }
  EXPECT_GT(seen, 200U);
}

TEST(CrdFile, DefaultsExactlyFourFields) {
  const Json crd = testing::read_yaml("crds/entityservice.crd.yaml");
  const Json schema = crd.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema");
  Json defaults = Json::object();
  visit(schema, "", [&](const Json& node, const std::string& path) {
    if (node.contains("default")) defaults[path] = node.at("default");
  });
  EXPECT_EQ(defaults, Json({{".spec.replicas", 2},
                            {".spec.profile", "Production"},
                            {".spec.channel", "Release"},
                            {".spec.version", "1.15.1"}}));
}

}  // namespace
}  // namespace crds
