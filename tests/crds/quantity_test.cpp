#include "crds/quantity.h"

#include <gtest/gtest.h>

namespace crds {
namespace {

std::string canonical(const std::string& text) {
  const auto quantity = Quantity::parse(text);
  return quantity ? quantity->canonical() : "refused";
}

TEST(Quantity, IsStoredAsTheServerStoresIt) {
  const std::pair<const char*, const char*> kTable[] = {
      {"0", "0"},
      {"0m", "0"},
      {"000", "0"},
      {"1", "1"},
      {"1000", "1k"},
      {"2000m", "2"},
      {"1500m", "1500m"},
      {"0.5", "500m"},
      {"0.1", "100m"},
      {"1.50", "1500m"},
      {"100n", "1m"},
      {"1u", "1m"},
      {"1001u", "2m"},
      {"0.0001", "1m"},
      {"0.0000000000001", "1m"},
      {"1Ki", "1Ki"},
      {"1024Ki", "1Mi"},
      {"1536Mi", "1536Mi"},
      {"1.5Gi", "1536Mi"},
      {"0.5Ki", "512"},
      {"1000Ki", "1000Ki"},
      {"1.5Ki", "1536"},
      {"38562.5Ki", "39488k"},  // 39488000 at first, and that from the next reading on
      {"1000Mi", "1000Mi"},
      {"1e3", "1e3"},
      {"12e2", "1200"},
      {"1e-3", "1e-3"},
      {"1E3", "1e3"},
      {"1000k", "1M"},
      {"1500k", "1500k"},
      {"1E", "1E"},
      {"1024", "1024"},
      {"0.1Gi", "107374182400m"},
      {"+1", "1"},
      {"-1", "-1"},
      {".5", "500m"},
      {"5.", "5"},
      {"9223372036854775807", "9223372036854775807"},
  };
  for (const auto& [text, stored] : kTable) EXPECT_EQ(canonical(text), stored) << text;
}

TEST(Quantity, KeepsItsCanonicalForm) {
  for (const char* text : {"500m", "1536Mi", "1e3", "107374182400m", "1k", "1E"}) {
    EXPECT_EQ(canonical(canonical(text)), text);
  }
}

TEST(Quantity, RefusesWhatIsNone) {
  for (const char* text : {"",
                           " ",
                           ".",
                           "-",
                           "1 ",
                           " 1",
                           "1gi",
                           "1KI",
                           "1kk",
                           "Gi",
                           "1.2.3",
                           "1e",
                           "1e+",
                           "1e1000",
                           "0x10",
                           "1_000",
                           "9223372036854775808",
                           "12E",
                           "8Ei",
                           "1,5"}) {
    EXPECT_EQ(canonical(text), "refused") << text;
  }
}

TEST(Quantity, RoundsUpToWholeUnits) {
  const std::pair<const char*, std::int64_t> kTable[] = {{"0", 0},     {"1m", 1},    {"250m", 1},
                                                         {"1", 1},     {"1500m", 2}, {"2", 2},
                                                         {"2001m", 3}, {"1Ki", 1024}};
  for (const auto& [text, whole] : kTable) EXPECT_EQ(Quantity::parse(text)->ceil(), whole) << text;
}

TEST(Quantity, IsReadInThousandths) {
  EXPECT_EQ(Quantity::parse("1.5")->milli(), 1500);
  EXPECT_EQ(Quantity::parse("1u")->milli(), 1);
  EXPECT_EQ(Quantity::parse("9223372036854775807")->milli(), INT64_MAX);
  EXPECT_EQ(Quantity::parse("-92233720321203685")->milli(), INT64_MIN);
  EXPECT_DOUBLE_EQ(Quantity::parse("250m")->value(), 0.25);
}

}  // namespace
}  // namespace crds
