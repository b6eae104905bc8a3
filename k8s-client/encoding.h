// Small codings of bytes: URLs, base64 of kubeconfigs, hashes of records, files. Pure but
// read_file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace k8s {

// Everything but unreserved characters and those of `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");
// nullopt: not base64.
std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
// nullopt: can not be read.
std::optional<std::string> read_file(const std::string& path);
std::string trimmed(std::string_view text);

}  // namespace k8s
