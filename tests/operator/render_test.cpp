#include "operator/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "operator/unknown.h"
#include "operator/yaml.h"

namespace op {
namespace {

using crds::Json;
using testing::HasSubstr;

Json read_one(const std::string& text) { return read_yaml(text).at(0).value; }

TEST(Yaml, ReadsScalarsAsTheServersClientsDo) {
  EXPECT_EQ(read_one("{a: 1, b: '1', c: On, d: \"On\", e: 1_000, f: 1.5, g: ~, h: 1Gi, i: no}"),
            Json({{"a", 1},
                  {"b", "1"},
                  {"c", true},
                  {"d", "On"},
                  {"e", 1000},
                  {"f", 1.5},
                  {"g", nullptr},
                  {"h", "1Gi"},
                  {"i", false}}));
}

TEST(Yaml, KeepsTheLineOfEachField) {
  const YamlDocument document = read_yaml("a:\n  b: 1\n  c:\n  - d: 2\n  - e: 3\n").at(0);
  EXPECT_EQ(document.line_of("a.b"), 2);
  EXPECT_EQ(document.line_of("a.c[1].e"), 5);
  EXPECT_EQ(document.line_of("a.c[1].missing"), 5);
  EXPECT_EQ(document.line_of("other"), 1);
}

TEST(Yaml, RefusesAFieldWrittenTwiceAndSaysWhere) {
  try {
    read_yaml("a: 1\nb: 2\na: 3\n");
    FAIL() << "taken";
  } catch (const YamlError& error) {
    EXPECT_EQ(error.line(), 3);
    EXPECT_THAT(error.what(), HasSubstr("a: is written twice"));
  }
}

TEST(Yaml, RefusesWhatCannotBeginADocumentInsteadOfReadingItForEver) {
  for (const std::string text : {",", "a: 1\n---\n,\n", "{a: 1}\n,--\nb: 2\n"}) {
    try {
      read_yaml(text);
      FAIL() << text;
    } catch (const YamlError& error) {
      EXPECT_THAT(error.what(), HasSubstr("no document can begin like this; remove the character"));
      EXPECT_EQ(error.line(), 1 + std::count(text.begin(), text.begin() + text.find(','), '\n'));
    }
  }
  EXPECT_EQ(read_yaml("---\n---\n...\n---\na: 1\n...\n").size(), 1U) << "empty ones are";
}

TEST(Yaml, RefusesWhatIsNotUtf8AndSaysWhere) {
  for (const char* text : {"a: b\nc: \x95\n", "a: b\n\x95: c\n", "a: b\nc: 'd \xc3'\n"}) {
    try {
      read_yaml(text);
      FAIL() << text;
    } catch (const YamlError& error) {
      EXPECT_EQ(error.line(), 2);
      EXPECT_THAT(error.what(), HasSubstr("not UTF-8"));
    }
  }
}

TEST(Yaml, RefusesAFileThatGrowsByAliases) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 7; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) text += ", " + before;
    text += "]\n";
  }
  EXPECT_THROW(read_yaml(text), YamlError);
}

TEST(Yaml, WhatIsWrittenIsReadBackAsItWas) {
  const Json value = {
      {"looks-like", Json::array({"true", "On",  "y",     "null",       "~", "1",  "1.5", "1e3",
                                  "0x1f", "012", "12:30", "2026-01-01", "",  " ",  "- x", "a: b",
                                  "a #b", "*",   "&",     "%",          "@", "a:b"})},
      {"blocks", Json::array({"one\ntwo\n", "one\ntwo", "one\n\ntwo\n", " first\nline", "end\n\n",
                              "\n", "tab\there\nx", "x \ny\n", "# not a comment\nx\n"})},
      {"others", Json::array({1, -2, 1.5, true, nullptr, Json::object(), Json::array()})},
      {"nested", Json::array({Json::array({Json({{"a", Json::array({"b"})}})})})},
      {"needs: quotes", "ü"}};
  EXPECT_EQ(read_one(to_yaml(value)), value) << to_yaml(value);
}

TEST(Unknown, IsOnlyWhatDiffers) {
  const auto marked = [](const char* one, const char* other) { return mark_unknown(one, other); };
  EXPECT_EQ(marked("same", "same"), "same");
  EXPECT_EQ(marked("demo-migrate-1a2b", "demo-migrate-1affff"), "demo-migrate-<generated>");
  EXPECT_EQ(marked("ab12", "ab99"), "<generated>");
  EXPECT_EQ(marked("YWFh=", "YmJi="), "<generated>");
  EXPECT_EQ(marked("one\nid aa\nend\n", "one\nid bb\nend\n"), "one\nid <generated>\nend\n");
  EXPECT_EQ(mark_unknown({{"a", 1}, {"b", Json::array({"x", "y"})}},
                         {{"a", 1}, {"b", Json::array({"x", "z"})}}),
            Json({{"a", 1}, {"b", Json::array({"x", "<generated>"})}}));
}

class Render : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "render-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  int run(RenderOptions options) { return render(options, out_, err_); }
  int run_spec(const std::string& spec, RenderOptions options = {}) {
    options.file = write("es.yaml",
                         "apiVersion: entityservice.io/v1alpha1\nkind: EntityService\n"
                         "metadata: {name: demo}\nspec:\n" +
                             spec);
    return run(options);
  }

  std::string folder_;
  std::ostringstream out_, err_;
};

TEST_F(Render, PrintsEveryObjectAsADocument) {
  ASSERT_EQ(run_spec("  profile: Minimal\n", {.file = {}, .ns = "linkage"}), 0) << err_.str();
  std::set<std::string> kinds;
  for (const YamlDocument& document : read_yaml(out_.str())) {
    kinds.insert(document.value.at("kind"));
    EXPECT_EQ(document.value.at("metadata").at("namespace"), "linkage");
  }
  EXPECT_EQ(kinds, std::set<std::string>({"ConfigMap", "Deployment", "Job", "NetworkPolicy",
                                          "PodDisruptionBudget", "Secret", "Service",
                                          "ServiceAccount", "StatefulSet"}));
}

TEST_F(Render, PrintsWhatItIsToldOfTheCluster) {
  RenderOptions options;
  options.credentials = write("credentials.json", R"({"redis-password": "secret"})");
  options.redis_addresses = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
  ASSERT_EQ(run_spec("  profile: Production\n", options), 0) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("redis-password: c2VjcmV0\n"));
  EXPECT_THAT(out_.str(), HasSubstr("ip: \"10.0.0.2\""));
  EXPECT_THAT(out_.str(), HasSubstr("postgres-password: \"<generated>\""));
}

TEST_F(Render, NamesFileLineAndFieldOfEachProblem) {
  EXPECT_EQ(run_spec("  profile: Minimal\n  replicas: -1\n  api:\n    replicsa: 2\n"), 1);
  EXPECT_THAT(err_.str(), HasSubstr("es.yaml:6: spec.replicas: "));
  EXPECT_THAT(err_.str(), HasSubstr("es.yaml:8: spec.api.replicsa: "));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(Render, SaysSoWhenTheFileIsNotThereOrHoldsSomethingElse) {
  EXPECT_EQ(run({.file = folder_ + "/none.yaml"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("none.yaml: cannot be read"));
  EXPECT_EQ(run({.file = write("other.yaml", "kind: Service\n")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("has no document of kind EntityService"));
  EXPECT_EQ(run({.file = write("broken.yaml", "a: [1\nb: 2\n")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("broken.yaml:2: "));
}

TEST_F(Render, EffectiveShowsEachValueWithItsOrigin) {
  ASSERT_EQ(run_spec("  profile: Test\n  api: {replicas: 3}\n", {.file = {}, .effective = true}),
            0);
  EXPECT_THAT(out_.str(), HasSubstr("    replicas: 3  # spec\n"));
  EXPECT_THAT(out_.str(), HasSubstr("    maxConnections: 200  # profile Test\n"));
  EXPECT_THAT(out_.str(), HasSubstr("  clusterDomain: cluster.local  # default\n"));
}

TEST_F(Render, EffectiveTakesAFieldWithoutAValueForOneThatIsNotWritten) {
  ASSERT_EQ(run_spec("  profile: Test\n  version:\n", {.file = {}, .effective = true}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("  version: \"1.15.1\"  # "));
}

}  // namespace
}  // namespace op
