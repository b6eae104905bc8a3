#include "k8s-client/json_text.h"

#include <gtest/gtest.h>

namespace k8s {
namespace {

Json nlohmanns(const std::string& text) { return Json::parse(text, nullptr, false); }

class SameText : public testing::TestWithParam<const char*> {};

TEST_P(SameText, IsJsonOrIsNoneWithTheSameValueByBothParsers) {
  const std::string text = GetParam();
  const Json expected = nlohmanns(text), found = parse_json(text);
  ASSERT_EQ(found.is_discarded(), expected.is_discarded());
  if (expected.is_discarded()) return;
  EXPECT_EQ(found, expected);
  EXPECT_EQ(found.type(), expected.type());
  EXPECT_EQ(found.dump(), expected.dump());
  EXPECT_EQ(EventReader("us").read(text), expected);
}

INSTANTIATE_TEST_SUITE_P(Values, SameText,
                         testing::Values("null", "true", "false", "0", "-1", "9223372036854775807",
                                         "-9223372036854775808", "18446744073709551615",
                                         "18446744073709551616", "1.5", "1e3", "1E-400", R"("")",
                                         R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", R"("café 😀")",
                                         "[]", "{}", "[1,[2,[]],{\"a\":{}}]",
                                         " {\"b\":1,\"a\":2}\t\n", R"({"a":1,"b":2,"a":3})",
                                         R"({"":"empty","null\u0000byte":null})"));

INSTANTIATE_TEST_SUITE_P(NoJson, SameText,
                         testing::Values("", " ", "{", "}", "[1,]", R"({"a":})", R"({"a" 1})",
                                         R"({a:1})", "nul", "01", "+1", "1.", ".5", "-", "1e400",
                                         "NaN", "'a'", R"("a)", "\"a\nb\"", R"("\ud83d")",
                                         R"("\x41")", "\"\xff\"", "{} {}", "[1] x",
                                         "\xef\xbb\xbf"));

TEST(JsonText, WhatIsTooDeepOrTooLongForTheFastParserIsReadAllTheSame) {
  const std::string deep = std::string(2000, '[') + std::string(2000, ']');
  EXPECT_EQ(parse_json(deep), nlohmanns(deep));
  const std::string text = '"' + std::string(3 << 20, 'x') + '"';
  EXPECT_EQ(parse_json(text).get_ref<const std::string&>().size(), 3u << 20);
}

Json event(const Json& managed_fields) {
  const Json metadata = {{"name", "a"}, {"managedFields", managed_fields}};
  return {{"type", "ADDED"}, {"object", {{"metadata", metadata}, {"spec", {{"n", 1}}}}}};
}

Json read(const Json& value) { return EventReader("us").read(value.dump()); }

TEST(EventReader, LeavesOutOfManagedFieldsAllButWhatIsOursByApplyOnTheObjectItself) {
  const Json ours = {{"manager", "us"},
                     {"operation", "Apply"},
                     {"fieldsV1", {{"f:spec", {{"f:n", Json::object()}}}}}};
  Json theirs = ours, update = ours, status = ours, whole = ours;
  theirs["manager"] = "kubectl";
  update["operation"] = "Update";
  status["subresource"] = "status";
  whole["subresource"] = "";
  EXPECT_EQ(read(event({theirs, ours, update, status, whole})), event({ours, whole}));
  EXPECT_EQ(read(event(Json::array({theirs}))), event(Json::array()));
  const Json odd = {1, "us", Json::object(), {{"manager", 5}}, {{"manager", "us"}}};
  EXPECT_EQ(read(event(odd)), event(Json::array()));
}

TEST(EventReader, KeepsManagedFieldsThatAreNoList) {
  for (const Json& odd : {Json("text"), Json(), Json(1), Json::object()})
    EXPECT_EQ(read(event(odd)), event(odd));
}

TEST(EventReader, LeavesAloneWhatIsCalledManagedFieldsElsewhere) {
  const Json theirs = {{{"manager", "kubectl"}}};
  Json line = event(theirs);
  line["object"]["spec"]["managedFields"] = theirs;
  line["object"]["spec"]["metadata"]["managedFields"] = theirs;
  line["metadata"]["managedFields"] = theirs;
  line["managedFields"] = theirs;
  Json expected = line;
  expected["object"]["metadata"]["managedFields"] = Json::array();
  EXPECT_EQ(read(line), expected);
}

TEST(EventReader, LeavesOutMembersOfTheNamesThatAreNotRead) {
  EventReader reader("us", {"args", "n"});
  const Json line = {
      {"type", "ADDED"},
      {"object", {{"args", 1}, {"spec", Json::array({{{"n", 1}, {"m", 2}}, "args"})}}}};
  const Json expected = {{"type", "ADDED"},
                         {"object", {{"spec", Json::array({{{"m", 2}}, "args"})}}}};
  EXPECT_EQ(reader.read(line.dump()), expected);
}

TEST(EventReader, ReadsLineAfterLineAndGoesOnAfterOneThatIsNone) {
  EventReader reader("us");
  EXPECT_EQ(reader.read(R"({"a":"long enough not to fit"})").dump(),
            R"({"a":"long enough not to fit"})");
  EXPECT_TRUE(reader.read(R"({"a":)").is_discarded());
  reader.rest();
  EXPECT_EQ(reader.read("[1]"), Json::parse("[1]"));
}

}  // namespace
}  // namespace k8s
