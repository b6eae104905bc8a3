#include "operator/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "captured_log.h"

namespace op {
namespace {

using nlohmann::json;

std::string logged(LogFormat format, const std::function<void()>& act) {
  const CapturedLog log(format);
  act();
  return log.text();
}

TEST(Logging, WritesOneJsonObjectALine) {
  const std::string line = logged(LogFormat::Json, [] { spdlog::warn("disk {}", 7); });
  ASSERT_THAT(line, testing::EndsWith("\n"));
  json object = json::parse(line);
  EXPECT_THAT(object.at("time").get<std::string>(),
              testing::MatchesRegex("20..-..-..T..:..:..\\....Z"));
  object.erase("time");
  const json expected = {{"level", "warning"}, {"msg", "disk 7"}};
  EXPECT_EQ(object, expected);
}

TEST(Logging, KeepsALineValidWhateverTheMessageHolds) {
  for (const std::string& foreign :
       {std::string("a \"quoted\"\nsecond line\t\\"), std::string("\x01\x1f control"),
        std::string("uml\xc3\xa4ut"), std::string("nul\0byte", 8)}) {
    const std::string line = logged(LogFormat::Json, [&] { spdlog::info("{}", foreign); });
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_EQ(json::parse(line).at("msg"), foreign);
  }
}

TEST(Logging, ReplacesBytesThatAreNotUtf8) {
  const std::string line = logged(LogFormat::Json, [] { spdlog::info("bad \xff byte"); });
  EXPECT_EQ(json::parse(line).at("msg"), "bad \xEF\xBF\xBD byte");
}

TEST(Logging, AddsKeyAndIdWhileAPassRunsOnThisThreadOnly) {
  const std::string lines = logged(LogFormat::Json, [] {
    {
      const LogScope scope("ns/demo", "id-1");
      spdlog::info("inside");
      std::thread([] { spdlog::info("elsewhere"); }).join();
    }
    spdlog::info("after");
  });
  std::istringstream in(lines);
  std::vector<json> keys;
  for (std::string line; std::getline(in, line);) {
    const json object = json::parse(line);
    keys.push_back(json::array(
        {object.at("msg"), object.value("key", "-"), object.value("reconcile_id", "-")}));
  }
  EXPECT_EQ(keys, (std::vector<json>{json::array({"inside", "ns/demo", "id-1"}),
                                     json::array({"elsewhere", "-", "-"}),
                                     json::array({"after", "-", "-"})}));
}

TEST(Logging, KeepsAMessageOnOneLineOfText) {
  const std::string line = logged(LogFormat::Text, [] {
    const LogScope scope("ns/demo", "id-1");
    spdlog::error("first\nsecond");
  });
  EXPECT_THAT(line, testing::MatchesRegex("[^ ]*Z error \\[ns/demo id-1\\] first second\n"));
}

TEST(Logging, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_EQ(logged(LogFormat::Json, [] { spdlog::debug("detail"); }), "");
}

// What is logged at debug and info, and the lines that tell of the changes, in order.
std::vector<std::string> lines_after(const std::vector<int>& values) {
  std::istringstream in(logged(LogFormat::Json, [&values] {
    for (const int value : values) {
      change_log_level(value);
      spdlog::debug("detail");
      spdlog::info("news");
    }
  }));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(json::parse(line).at("msg").get<std::string>());
  return lines;
}

TEST(Logging, ChangesItsLevelWhileItRunsAndSaysSo) {
  const int debug = level_signal(spdlog::level::debug), error = level_signal(spdlog::level::err);
  EXPECT_EQ(lines_after({debug, error}),
            (std::vector<std::string>{"the log level is now debug", "detail", "news",
                                      "the log level is now error"}));
}

TEST(Logging, GoesToDebugAndBackToTheLevelOfTheStartWithoutAValue) {
  EXPECT_EQ(lines_after({0, 0}),
            (std::vector<std::string>{"the log level is now debug", "detail", "news",
                                      "the log level is now info", "news"}));
}

TEST(Logging, IgnoresAValueThatIsNoLevel) {
  EXPECT_EQ(lines_after({-1, 77}), (std::vector<std::string>{"news", "news"}));
}

}  // namespace
}  // namespace op
