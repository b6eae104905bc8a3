#include "k8s-client/exec_plugin.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "k8s-client/encoding.h"
#include "k8s-client/errors.h"

namespace k8s {
namespace {

// As Go writes and reads it: 2026-01-31T08:00:00[.123](Z|+01:00).
std::optional<std::chrono::sys_seconds> parse_time(const std::string& text) {
  std::tm utc{};
  int end = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &end) != 6) {
    return std::nullopt;
  }
  auto rest = text.substr(static_cast<std::size_t>(end));
  if (rest.size() > 1 && rest[0] == '.') rest.erase(0, rest.find_first_not_of("0123456789", 1));
  std::chrono::minutes east{0};
  if (rest != "Z") {
    std::array<char, 2> sign{};
    int hours = 0;
    int minutes = 0;
    int used = 0;
    if (std::sscanf(rest.c_str(), "%1[+-]%2d:%2d%n", sign.data(), &hours, &minutes, &used) != 3 ||
        static_cast<std::size_t>(used) != rest.size()) {
      return std::nullopt;
    }
    east = std::chrono::minutes((hours * 60 + minutes) * (sign[0] == '-' ? -1 : 1));
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&utc))) - east;
}

std::string text(const Json& map, const char* field) {
  const auto value = map.find(field);
  if (value == map.end() || value->is_null()) return {};
  if (!value->is_string()) throw ConfigError(std::string("status.") + field + " is not a string");
  return value->get<std::string>();
}

}  // namespace

std::string exec_info(const ClusterConfig& config, const std::string& ca_pem) {
  Json spec = {{"interactive", false}};
  if (config.exec->provide_cluster_info) {
    Json cluster = {{"server", config.server}, {"config", config.exec->cluster_extension}};
    if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
    if (config.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!ca_pem.empty()) cluster["certificate-authority-data"] = base64_encode(ca_pem);
    spec["cluster"] = cluster;
  }
  return Json{{"apiVersion", config.exec->api_version}, {"kind", "ExecCredential"}, {"spec", spec}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

ExecCredential parse_exec_credential(const std::string& output, const std::string& api_version) {
  const Json answer = Json::parse(output, nullptr, false);
  if (!answer.is_object())
    throw ConfigError("printed no JSON object: it must print ExecCredential");
  if (answer.value("kind", Json()) != "ExecCredential" ||
      answer.value("apiVersion", Json()) != api_version) {
    throw ConfigError("printed something else than an ExecCredential of " + api_version +
                      ": let apiVersion name what it prints");
  }
  const auto status = answer.find("status");
  if (status == answer.end() || !status->is_object()) {
    throw ConfigError("printed an ExecCredential without status");
  }
  ExecCredential credential{.token = trimmed(text(*status, "token")),
                            .cert_pem = text(*status, "clientCertificateData"),
                            .key_pem = text(*status, "clientKeyData")};
  if (credential.cert_pem.empty() != credential.key_pem.empty()) {
    throw ConfigError("printed only one of clientCertificateData and clientKeyData");
  }
  if (credential.token.empty() && credential.cert_pem.empty()) {
    throw ConfigError("printed neither a token nor a client certificate");
  }
  if (const std::string expires = text(*status, "expirationTimestamp"); !expires.empty()) {
    credential.expires = parse_time(expires);
    if (!credential.expires) {
      throw ConfigError("printed an expirationTimestamp that is not like 2026-01-31T08:00:00Z");
    }
  }
  return credential;
}

}  // namespace k8s
