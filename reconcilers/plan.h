// The decision of a pass: what to write now, what waits for which reason, what somebody edited that
// we do not write again. Pure; the applier carries it out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"
#include "reconcilers/gates.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"

namespace reconcilers {

// TakeBack: labels and owner of an object that is not written otherwise once it is made.
enum class Step { Create, Update, Scale, TakeBack };

struct Planned {
  Step step;
  const desired::Object* object;  // in the Objects that the plan was made from
  std::string uid;                // Update, Scale: what is there
  std::string hash;               // of the body
  std::int64_t replicas = 0;      // Scale
};

struct Held {
  std::string object;  // "Deployment demo-api"
  std::string reason;
  bool exists = false;  // its old template runs on meanwhile
  bool update = false;  // waits for an approval; what runs is what this generation asks for
  bool operator==(const Held&) const = default;
};

// Something that keeps the resource from becoming ready until somebody does something.
struct Issue {
  std::string reason;
  std::string message;
  bool operator==(const Issue&) const = default;
};

// Objects in conflict by title, with their component: what needs them is not written.
using Unusable = std::map<std::string, std::string>;

struct Plan {
  std::vector<Planned> writes;  // in apply order
  std::vector<Held> held;
  std::vector<Issue> issues;        // foreign objects in our place
  std::vector<std::string> edited;  // CreateOnce objects that lost fields of ours
  Unusable unusable;
  bool waiting = false;  // objects of a deleted predecessor are still there
};

// Why templates do not change though no gate is shut.
struct Reserve {
  bool credentials_edited = false;  // somebody else wrote values into N-credentials
  bool updates_on_request = false;  // what the operator itself causes waits for an approval
};

Plan make_plan(const desired::Objects& desired, const Observed& observed, const Gates& open,
               const std::map<k8s::ObjectKey, Settled>& settled, const Reserve& reserve);

// What runs pods may need other objects; nothing else does.
bool runs_pods(const desired::Object& object);

// Does `object` need one of `unusable`: name it in its pods, or wait for its component?
bool depends_on(const desired::Object& object, const Unusable& unusable);

k8s::ObjectKey key_of(const Observed& observed, const desired::Object& object);
std::string title(const desired::Object& object);  // "Deployment demo-api"

}  // namespace reconcilers
