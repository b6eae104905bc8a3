// Keeps the content of N-credentials: reads it once per version, makes the Secret where there never
// was one, and refuses to invent new values for data that exists.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "crds/resolved.h"
#include "k8s-client/client.h"
#include "k8s-client/store.h"
#include "reconcilers/applier.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"

namespace reconcilers {

struct CredentialState {
  std::optional<desired::Credentials> values;  // empty: nothing that needs them may be made
  std::vector<std::string> foreign_keys;       // edited by hand: reported, pods are not rolled
  std::optional<Issue> issue;
  bool waiting = false;  // come back soon: the cache is behind
};

struct CredentialKeeper {
  const k8s::Client& client;
  k8s::Store& store;
  const std::function<std::string(std::size_t)>& random;
  TimePoint now;

  CredentialState keep(const crds::Resolved& resolved, const Observed& observed,
                       Memory& memory) const;

 private:
  CredentialState read(const crds::Resolved& resolved, const k8s::Record& secret,
                       Memory& memory) const;
  CredentialState make(const crds::Resolved& resolved, const Observed& observed,
                       Memory& memory) const;
  CredentialState judge(const crds::Resolved& resolved, const Memory& memory) const;
};

}  // namespace reconcilers
