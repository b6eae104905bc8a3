#include "reconcilers/applier.h"

#include <algorithm>

#include "k8s-client/errors.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"

namespace reconcilers {
namespace {

constexpr int kConflict = 409;
constexpr int kInvalid = 422;

bool wants_its_address_back(const desired::Object& object) {
  return object.kind() == "Service" && object.body.at("spec").value("clusterIP", "None") != "None";
}

// Who holds the name that we wanted?
struct Occupant {
  enum class Kind { Ours, Predecessor, Foreign } kind;
  bool labelled;  // our watches see it
};

Occupant occupant(const k8s::Record& record, const Observed& observed,
                  const desired::Object& object) {
  const auto label = record.labels.find(desired::kResourceLabel);
  const bool labelled = label != record.labels.end() && label->second == observed.key.name;
  if (record.controller_uid == observed.uid()) return {Occupant::Kind::Ours, labelled};
  if (record.controller_uid.empty())
    return {labelled ? Occupant::Kind::Ours : Occupant::Kind::Foreign, labelled};
  const bool foreign = record.facts.is_object() && record.facts.contains("foreign_controller");
  return {foreign || !object.owned ? Occupant::Kind::Foreign : Occupant::Kind::Predecessor,
          labelled};
}

// An EntityService of another name has the object by ordinary means (its own names never clash
// with ours), so a controller of our kind is an earlier one of this name.
std::string conflict_message(const desired::Object& object, const k8s::Json& live) {
  std::string owner;
  for (const auto& reference :
       live.value("/metadata/ownerReferences"_json_pointer, k8s::Json::array()))
    if (reference.value("controller", false))
      owner = " and belongs to " + reference.value("kind", "") + " " + reference.value("name", "");
  return title(object) + " exists already" + owner +
         ", was not made for this resource and is left alone; remove or rename it, or delete this "
         "resource and make it under another name";
}

}  // namespace

Applied Applier::carry_out(const Plan& plan) {
  applied_ = {plan.held, plan.issues, plan.edited, {}, {}, plan.waiting, false};
  unusable_ = plan.unusable;
  for (const Planned& planned : plan.writes) {
    if (applied_.namespace_ending) break;
    if (depends_on(*planned.object, unusable_)) {
      applied_.held.push_back({title(*planned.object), "needs an object that could not be written",
                               planned.step != Step::Create});
      continue;
    }
    if (refused_before(planned)) continue;
    if (faults_.given_up())
      fail(planned);
    else
      try_to_write(planned);
  }
  return std::move(applied_);
}

Applied Applier::pause(const Plan& plan) {
  Applied applied = {plan.held, plan.issues, plan.edited, {}, {}, false, false};
  for (const Planned& planned : plan.writes) {
    applied.pending.push_back(title(*planned.object));
    applied.refused.insert(title(*planned.object));
  }
  return applied;
}

void Applier::try_to_write(const Planned& planned) {
  const std::string name = title(*planned.object);
  try {
    write(planned);
  } catch (const k8s::ApiError& error) {
    if (says_namespace_ending(error)) {
      applied_.namespace_ending = true;
    } else if (error.code() == kConflict) {
      applied_.waiting = true;  // it changed under our hands: the cache will say how
    } else if (about_the_object(error)) {
      refuse(planned, "ApplyRefused", refusal_text(name, error));
    } else {
      faults_.keep(name, error);
      fail(planned);
    }
  } catch (const k8s::Error& error) {
    faults_.keep(name, error);
    fail(planned);
  }
}

// Not written in this pass, for whatever reason: what needs it is not written either.
void Applier::fail(const Planned& planned) {
  applied_.refused.insert(title(*planned.object));
  unusable_[title(*planned.object)] = planned.object->component;
}

void Applier::write(const Planned& planned) {
  switch (planned.step) {
    case Step::Create:
      return create(planned);
    case Step::Update:
      return update(planned, planned.uid);
    case Step::Scale:
      return scale(planned);
    case Step::TakeBack:
      return take_back(planned, planned.uid);
  }
}

void Applier::create(const Planned& planned) {
  const desired::Object& object = *planned.object;
  const auto apply = [&](const k8s::Json& body) {
    learn(planned, client_.apply(resource_of(object.kind()), body, kManager, k8s::Guard::create()));
  };
  try {
    apply(object.body);
  } catch (const k8s::ApiError& error) {
    if (error.code() == kConflict) return resolve_conflict(planned);
    if (error.code() != kInvalid || !wants_its_address_back(object)) throw;
    k8s::Json body = object.body;  // somebody else has it by now: any other will do
    body["spec"].erase("clusterIP");
    apply(body);
  }
}

void Applier::update(const Planned& planned, const std::string& uid) {
  const desired::Object& object = *planned.object;
  learn(planned,
        client_.apply(resource_of(object.kind()), object.body, kManager, k8s::Guard::update(uid)));
}

void Applier::scale(const Planned& planned) {
  const desired::Object& object = *planned.object;
  client_.scale(resource_of(object.kind()), observed_.key.ns, object.name(), planned.uid,
                planned.replicas, kManager);
}

void Applier::take_back(const Planned& planned, const std::string& uid) {
  const desired::Object& object = *planned.object;
  const k8s::Json& ours = object.body.at("metadata");
  const k8s::Json metadata = {
      {"uid", uid}, {"labels", ours.at("labels")}, {"ownerReferences", ours.at("ownerReferences")}};
  learn(planned, client_.merge(resource_of(object.kind()), observed_.key.ns, object.name(),
                               {{"metadata", metadata}}, kManager));
}

void Applier::resolve_conflict(const Planned& planned) {
  const desired::Object& object = *planned.object;
  const auto live = client_.find(resource_of(object.kind()), observed_.key.ns, object.name());
  if (!live) {
    applied_.waiting = true;
    return;
  }
  const k8s::Record record = record_of(object.kind(), *live);
  const Occupant who = occupant(record, observed_, object);
  if (who.kind == Occupant::Kind::Foreign) {
    refuse(planned, "NameConflict", conflict_message(object, *live));
  } else if (who.kind == Occupant::Kind::Ours && !who.labelled && !record.deleting) {
    // it lost the label, so our watches no longer see it
    if (object.write == desired::Write::Apply)
      update(planned, record.uid);
    else
      take_back(planned, record.uid);
  } else {
    applied_.waiting = true;
  }
}

// Read-your-writes: what the server answered is what we know until the cache has caught up.
void Applier::learn(const Planned& planned, k8s::Json answer) {
  k8s::Record record = record_of(planned.object->kind(), std::move(answer));
  memory_.refusals.erase(record.key);
  if (record.owned != planned.hash)
    memory_.settled[record.key] = {planned.hash, record.owned};
  else
    memory_.settled.erase(record.key);
  store_.put(std::move(record));
}

void Applier::refuse(const Planned& planned, const std::string& reason,
                     const std::string& message) {
  memory_.refuse(key_of(observed_, *planned.object), planned.hash, reason, message, now_);
  note_refusal(planned, reason, message);
}

bool Applier::refused_before(const Planned& planned) {
  const Refusal* refusal = memory_.refused(key_of(observed_, *planned.object), planned.hash, now_);
  if (refusal == nullptr) return false;
  note_refusal(planned, refusal->reason, refusal->message);
  return true;
}

void Applier::note_refusal(const Planned& planned, const std::string& reason,
                           const std::string& message) {
  applied_.issues.push_back({reason, message});
  fail(planned);
}

}  // namespace reconcilers
