// Every object of every profile, as it is written, by component: tests/reconcilers/golden/.
// UPDATE_GOLDEN=1 writes what is built now; read the difference before committing it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/reconcilers/desired/sample.h"
#include "tests/source_dir.h"

namespace reconcilers::desired {
namespace {

const auto kFolder = std::filesystem::path(kSourceDir) / "tests/reconcilers/golden";

Json describe(const Object& object) {
  Json gates = Json::array();
  for (const Gate gate : object.gates) gates.push_back(name(gate));
  return {{"body", object.body},
          {"gates", gates},
          {"owned", object.owned},
          {"write", object.write == Write::Apply ? "Apply" : "CreateOnce"}};
}

std::map<std::string, Json> by_component(const std::string& profile) {
  std::map<std::string, Json> lists;
  for (const Object& object : build(of_profile(profile), known())) {
    Json& list = lists[object.component];
    if (list.is_null()) list = Json::array();
    list.push_back(describe(object));
  }
  return lists;
}

Json read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return file ? Json::parse(file) : Json();
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, EveryComponentIsBuiltAsRecorded) {
  const std::filesystem::path folder = kFolder / GetParam();
  const std::map<std::string, Json> built = by_component(GetParam());
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (const auto& [component, objects] : built) {
      std::ofstream(folder / (component + ".json")) << objects.dump(1) << "\n";
    }
  }
  std::map<std::string, Json> recorded;
  if (std::filesystem::exists(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      recorded[entry.path().stem()] = read(entry.path());
    }
  }
  for (const auto& [component, objects] : built) {
    EXPECT_EQ(recorded[component], objects)
        << component << ": " << Json::diff(recorded[component], objects).dump(1);
  }
  EXPECT_EQ(recorded.size(), built.size()) << "a recorded component is not built any more";
}

INSTANTIATE_TEST_SUITE_P(Profiles, Golden, testing::ValuesIn(kProfiles),
                         [](const auto& of) { return of.param; });

}  // namespace
}  // namespace reconcilers::desired
