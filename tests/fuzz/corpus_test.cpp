// Replays what the fuzzers have kept, crashes that were found among it, through the same entries.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "k8s-client/encoding.h"
#include "tests/fuzz/targets.h"
#include "tests/source_dir.h"

namespace fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(kSourceDir) / "tests/fuzz/corpus";
constexpr std::uintmax_t kSmall = 16 * 1024;

std::string content(const fs::path& path) { return k8s::read_file(path.string()).value(); }

class Corpus : public ::testing::TestWithParam<Target> {};

TEST_P(Corpus, IsSmallAndStoodByItsEntry) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(kCorpus / GetParam().name)) {
    SCOPED_TRACE(entry.path().string());
    EXPECT_LE(entry.file_size(), kSmall);
    EXPECT_NO_THROW(GetParam().run(content(entry.path())));
    ++files;
  }
  EXPECT_GE(files, 5U);
}

// Each prefix is what a broken connection or a full disk leaves.
TEST_P(Corpus, IsStoodWhenItIsCutOff) {
  for (const auto& entry : fs::directory_iterator(kCorpus / GetParam().name)) {
    SCOPED_TRACE(entry.path().string());
    const std::string whole = content(entry.path());
    const std::size_t step = whole.size() / 16 + 1;
    for (std::size_t size = 0; size < whole.size(); size += step) {
      EXPECT_NO_THROW(GetParam().run(whole.substr(0, size))) << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Corpus, ::testing::ValuesIn(targets()),
                         [](const auto& of) { return std::string(of.param.name); });

TEST(CorpusFolder, HasNoFolderWithoutATarget) {
  std::set<std::string> known, found;
  for (const Target& target : targets()) known.insert(target.name);
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    found.insert(entry.path().filename().string());
  }
  EXPECT_EQ(found, known);
}

}  // namespace
}  // namespace fuzz
