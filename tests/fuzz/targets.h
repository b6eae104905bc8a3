// The entry points that take foreign bytes, each as a function that must return whatever it is
// given: ./dev fuzz searches for input that it can not stand, the unit test replays the corpus. It
// throws Broken when a promise about the result does not hold. One thread.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

struct Broken : std::logic_error {
  using std::logic_error::logic_error;
};

inline void promise(bool holds, const std::string& what) {
  if (!holds) throw Broken(what);
}

using Entry = void (*)(std::string_view input);
struct Target {
  const char* name;  // its corpus is tests/fuzz/corpus/NAME
  Entry run;
};
const std::vector<Target>& targets();

void json_text(std::string_view input);    // what an API server sends
void kubeconfig(std::string_view input);   // a kubeconfig file
void projection(std::string_view input);   // an object with managedFields
void quantity(std::string_view input);     // a quantity
void resource(std::string_view input);     // an EntityService as YAML
void status(std::string_view input);       // the body of an answer that is an error
void watch_lines(std::string_view input);  // a list's body, or a watch's lines

}  // namespace fuzz
