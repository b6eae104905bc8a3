// The scripts of the data services and the application's resilience module: files in
// reconcilers/desired/scripts/, part of the program at build time. Constants; safe to use from any
// thread.
#pragma once

#include <string_view>

namespace reconcilers::desired {

// Content of scripts/NAME; throws std::out_of_range when there is none.
std::string_view script(std::string_view name);

}  // namespace reconcilers::desired
