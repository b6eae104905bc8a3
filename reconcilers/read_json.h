// Reads what may be absent in objects of the API server, and copies nothing: the objects come by
// tens of thousands. What is of another type than asked for counts as absent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "k8s-client/json.h"

namespace reconcilers {

// `path`: names of members, "status/conditions". Null when one of them is absent; to go through
// null is to go through an empty list. Lives as long as `value`, or for ever.
const k8s::Json& at(const k8s::Json& value, std::string_view path);

std::string text_at(const k8s::Json& value, std::string_view path,
                    const std::string& otherwise = "");
std::int64_t number_at(const k8s::Json& value, std::string_view path, std::int64_t otherwise = 0);
bool is_true_at(const k8s::Json& value, std::string_view path);

}  // namespace reconcilers
