#include "crds/parts.h"
#include "crds/version.h"

namespace crds {
namespace {

constexpr const char* kVersionRule =
    "must be of the channel: Release takes X, X.Y, X.Y.Z and latest, Develop takes develop, Commit "
    "takes the 40 hex digits of a commit";

// A tag, a digest or both: without one, what runs would change by itself.
const Text& image_reference() {
  static const Text kRule = {
      512,
      "[A-Za-z0-9]+([._:/-]+[A-Za-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*(@sha256:[0-9a-f]{64})?|"
      "@sha256:[0-9a-f]{64})",
      "must be a complete reference with a tag or digest, like "
      "docker.io/library/postgres:17-trixie"};
  return kRule;
}

std::optional<VersionChoice> choose(Fields& spec, const Resolved& resolved,
                                    bool prerelease_allowed) {
  const std::string& version = resolved.version;
  if (resolved.channel == "Release") {
    static const std::string kNumbers = "(0|[1-9][0-9]{0,3})(\\.(0|[1-9][0-9]{0,3})){0,2}|latest";
    static const Text kRule = {64, kNumbers, kVersionRule};
    if (!spec.text("version", kRule) && spec.has("version")) return std::nullopt;
    if (version == "latest" && resolved.profile == Profile::Production) {
      spec.refuse("version",
                  "is latest, which a Production resource must not follow; name a "
                  "release like " +
                      std::string(kDefaultVersion));
      return std::nullopt;
    }
    auto chosen = release(version);
    if (!chosen) {
      spec.refuse("version", "is " + version +
                                 ", and no release of that line is known; name all "
                                 "three numbers");
    }
    return chosen;
  }
  const bool develop = resolved.channel == "Develop";
  static const Text kDevelop = {64, "develop", kVersionRule};
  static const Text kCommit = {64, "[0-9a-f]{40}", kVersionRule};
  if (!spec.has("version")) {  // the default is a release
    static const std::string kRule = kVersionRule;
    spec.refuse("version", "is " + std::string(kDefaultVersion) + ", " + kRule);
    return std::nullopt;
  }
  if (!spec.text("version", develop ? kDevelop : kCommit)) return std::nullopt;
  if (!prerelease_allowed) {
    spec.refuse("channel",
                "is " + resolved.channel +
                    ", which this namespace does not allow; use "
                    "one that the operator is told of by --prerelease-namespaces, or one "
                    "labelled environment=staging");
    return std::nullopt;
  }
  return prerelease(version);
}

void read_images(Fields& spec, const VersionChoice& chosen, Resolved& resolved) {
  Images& images = resolved.images;
  spec.object("images", [&](Fields& fields) {
    static const Text kRegistry = {253, "[A-Za-z0-9]+([._:/-]+[A-Za-z0-9]+)*",
                                   "must be a host with an optional port and path"};
    const std::string registry = fields.text("registry", kRegistry).value_or("docker.io");
    const auto image = [&](const char* name, const std::string& fallback) {
      return fields.text(name, image_reference()).value_or(registry + "/" + fallback);
    };
    images.app = image("app", "data61/anonlink-app:" + chosen.app_tag);
    images.nginx = image("nginx", "data61/anonlink-nginx:" + chosen.nginx_tag);
    images.postgres = image("postgres", "library/postgres:17-trixie");
    images.redis = image("redis", "valkey/valkey:8.1");
    images.object_store = image("objectStore", "pgsty/silo:RELEASE.2026-09-16T00-00-00Z");
    // A branch's tag moves; whoever asks for it wants the newest.
    const std::string policy = resolved.channel == "Develop" ? "Always" : "";
    images.pull_policy =
        fields.choice("pullPolicy", {"Always", "IfNotPresent", "Never"}).value_or(policy);
    images.pull_secrets = fields.texts("pullSecrets", 16, dns_name());
  });
}

}  // namespace

void read_version(Fields& spec, bool prerelease_allowed, Resolved& resolved) {
  const std::string profile =
      spec.choice("profile", {"Minimal", "Test", "Production"}).value_or("Production");
  resolved.profile = profile_of({{"profile", profile}});
  resolved.channel = spec.choice("channel", {"Release", "Develop", "Commit"}).value_or("Release");
  const auto version = spec.text("version", {64});
  resolved.version = version.value_or(kDefaultVersion);
  VersionChoice chosen;
  if (version || !spec.has("version")) {
    chosen = choose(spec, resolved, prerelease_allowed).value_or(chosen);
  }
  resolved.app_version = chosen.app_version;
  // Of other versions nobody has tried what they do with it.
  const auto tuning = spec.choice("tuning", {"Operator", "Upstream"})
                          .value_or(chosen.known ? "Operator" : "Upstream");
  resolved.tuning = tuning == "Operator" ? Tuning::Operator : Tuning::Upstream;
  read_images(spec, chosen, resolved);
}

}  // namespace crds
