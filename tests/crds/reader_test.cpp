#include "crds/reader.h"

#include <gtest/gtest.h>

namespace crds {
namespace {

Problems read(const Json& value, const std::function<void(Fields&)>& with) {
  Problems problems;
  Fields::read(value, "spec", problems, with);
  return problems;
}

TEST(Fields, SayWhichFieldWasMeant) {
  const Problems problems = read({{"replica", 3}}, [](Fields& fields) {
    fields.integer("replicas", 0, 9);
    fields.flag("suspend");
  });
  EXPECT_EQ(problems,
            Problems({{"spec.replica", "is not a field of this version; did you mean replicas?"}}));
}

TEST(Fields, ShowAValueInOneLineOfWholeCharacters) {
  std::string umlauts = "x";
  for (int i = 0; i < 50; ++i) umlauts += "ä";
  for (const std::string& value : {umlauts, std::string("a\nb"), std::string("\xff")}) {
    const Problems problems = read({{"mode", value}}, [](Fields& fields) {
      fields.choice("mode", {"On", "Off"});
    });
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_NO_THROW(Json(problems[0].message).dump());
    EXPECT_EQ(problems[0].message.find('\n'), std::string::npos);
  }
}

TEST(Fields, SuggestNothingWhenNothingIsNear) {
  const Problems problems =
      read({{"flavour", 3}}, [](Fields& fields) { fields.integer("replicas", 0, 9); });
  EXPECT_EQ(problems, Problems({{"spec.flavour", "is not a field of this version; remove it"}}));
}

TEST(Fields, ReportEveryProblemWithItsPath) {
  const Json value = {{"count", 10}, {"name", "A"}, {"list", {{{"on", 1}}}}, {"amount", "1gb"}};
  const Problems problems = read(value, [](Fields& fields) {
    fields.integer("count", 0, 9);
    fields.text("name", {5, "[a-z]+", "must be lower case"});
    fields.each("list", 2, [](Fields& item) { item.flag("on"); });
    fields.quantity("amount");
  });
  EXPECT_EQ(problems, Problems({{"spec.count", "is 10, must be from 0 to 9"},
                                {"spec.name", "is \"A\", must be lower case"},
                                {"spec.list[0].on", "is 1, must be true or false"},
                                {"spec.amount",
                                 "is \"1gb\", must be a quantity like \"500m\" or \"1Gi\", not "
                                 "negative (in YAML: put it in quotes)"}}));
}

TEST(Fields, CountCharactersAndNotBytes) {
  const auto name = [](Fields& fields) { fields.text("name", {3}); };
  EXPECT_EQ(read({{"name", "äöü"}}, name), Problems());
  EXPECT_EQ(read({{"name", "äöüß"}}, name),
            Problems({{"spec.name", "has 4 characters, at most 3 are allowed"}}));
}

TEST(Fields, SurviveBytesThatAreNoText) {
  EXPECT_EQ(read({{"on", "\xff"}}, [](Fields& fields) { fields.flag("on"); }).size(), 1U);
  EXPECT_EQ(read({{"\xff\xfe", 1}}, [](Fields& fields) { fields.flag("on"); }).size(), 1U);
}

TEST(Fields, TakeANumberBeyondAllBoundsAsTooLarge) {
  const Json value = {{"count", UINT64_MAX}};
  EXPECT_EQ(read(value, [](Fields& fields) { fields.integer("count", 0, 9); }),
            Problems({{"spec.count", "is 18446744073709551615, must be from 0 to 9"}}));
}

TEST(Fields, BoundListsAndMaps) {
  const Json value = {{"list", {"a", "b"}}, {"map", {{"a", "1"}, {"b", "2"}}}};
  const Problems problems = read(value, [](Fields& fields) {
    EXPECT_TRUE(fields.texts("list", 1).empty());
    EXPECT_TRUE(fields.map("map", 1, {}, {}).empty());
  });
  EXPECT_EQ(problems, Problems({{"spec.list", "has 2 items, at most 1 are allowed"},
                                {"spec.map", "has 2 entries, at most 1 are allowed"}}));
}

TEST(NearestName, IgnoresCaseAndForgivesALetter) {
  EXPECT_EQ(nearest_name("highmemory", {"celery", "highMemory"}), "highMemory");
  EXPECT_EQ(nearest_name("replcas", {"replicas", "resources"}), "replicas");
  EXPECT_EQ(nearest_name("foo", {"replicas", "resources"}), std::nullopt);
}

}  // namespace
}  // namespace crds
