// The members of JSON values that precompiled.h keeps out of all other files.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

template class std::vector<nlohmann::json>;
template class std::map<std::string, nlohmann::json, std::less<>>;
template class nlohmann::basic_json<>;
