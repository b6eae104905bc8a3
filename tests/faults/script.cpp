#include "tests/faults/script.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace faults {
namespace {

struct Entry {
  Blow blow;
  const char* name;
  int from = 0, to = 0;  // of `value`; 0: it has none
  bool needs_election = false;
};

constexpr int kFirstCode = 400, kLastCode = 504;

constexpr std::array kTable = {
    Entry{Blow::CrashBefore, "crash-before"},
    Entry{Blow::CrashAfter, "crash-after"},
    Entry{Blow::Refuse, "refuse", kFirstCode, kLastCode},
    Entry{Blow::RefuseChanges, "refuse-changes", kFirstCode, kLastCode},
    Entry{Blow::LoseConnection, "lose-connection"},
    Entry{Blow::LoseAnswer, "lose-answer"},
    Entry{Blow::CutAnswer, "cut-answer"},
    Entry{Blow::Hang, "hang"},
    Entry{Blow::HangAfter, "hang-after"},
    Entry{Blow::Slow, "slow", 1, 20},
    Entry{Blow::Freeze, "freeze", 1, 40, true},
    Entry{Blow::FreezeInFlight, "freeze-in-flight", 1, 40, true},
    Entry{Blow::StealLease, "steal-lease", 0, 0, true},
    Entry{Blow::BreakWatches, "break-watches"},
    Entry{Blow::ExpireWatches, "expire-watches"},
    Entry{Blow::ExpireByAnswer, "expire-by-answer"},
    Entry{Blow::DelayWatches, "delay-watches", 1, 0x1fff},
    Entry{Blow::LagWatches, "lag-watches", 1, 30},
    Entry{Blow::RewindWatches, "rewind-watches", 1, 60},
    Entry{Blow::MuteWatches, "mute-watches", 1, 0x1fff},
    Entry{Blow::RefuseWatches, "refuse-watches", kFirstCode, kLastCode},
    Entry{Blow::RefuseLease, "refuse-lease", kFirstCode, kLastCode, true},
};

// What an API server, its admission, or something before it answers.
constexpr std::array kCodes = {400, 401, 403, 404, 408, 409, 410, 413,
                               415, 422, 429, 500, 501, 502, 503, 504};

const Entry& entry_of(Blow blow) {
  return *std::find_if(kTable.begin(), kTable.end(),
                       [blow](const Entry& it) { return it.blow == blow; });
}

int draw(std::mt19937& random, int from, int to) {
  return from + static_cast<int>(random() % static_cast<unsigned>(to - from + 1));
}

}  // namespace

bool needs_election(Blow blow) { return entry_of(blow).needs_election; }
bool is_refusal(Blow blow) { return entry_of(blow).from == kFirstCode; }

std::string text(const Script& script) {
  std::string all;
  for (const Fault& fault : script) {
    all += (all.empty() ? "" : " ") + std::string(entry_of(fault.blow).name);
    if (fault.value != 0) all += ":" + std::to_string(fault.value);
    all += "@" + std::to_string(fault.at);
  }
  return all;
}

Script parse_script(const std::string& text) {
  Script script;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    const auto at = word.find('@'), colon = word.find(':');
    const std::string name = word.substr(0, std::min(at, colon));
    const auto entry = std::find_if(kTable.begin(), kTable.end(),
                                    [&name](const Entry& it) { return it.name == name; });
    if (entry == kTable.end() || at == std::string::npos)
      throw std::invalid_argument("not a fault: " + word);
    const int value = colon < at ? std::stoi(word.substr(colon + 1)) : 0;
    script.push_back({entry->blow, std::stoi(word.substr(at + 1)), value});
  }
  return script;
}

Script random_script(std::mt19937& random, int requests, int most, bool election) {
  Script script;
  for (int left = draw(random, 1, most); left > 0;) {
    const Entry& entry = kTable[random() % kTable.size()];
    if (entry.needs_election && !election) continue;
    Fault fault{entry.blow, draw(random, 1, requests)};
    if (entry.to != 0) fault.value = draw(random, entry.from, entry.to);
    if (is_refusal(entry.blow)) fault.value = kCodes[random() % kCodes.size()];
    script.push_back(fault);
    --left;
  }
  std::sort(script.begin(), script.end(),
            [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return script;
}

}  // namespace faults
