#include "reconcilers/applier.h"

#include <optional>
#include <stdexcept>

#include "k8s-client/errors.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"
#include "reconcilers/together.h"

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

k8s::Json identity_alone(const desired::Object& object, const std::string& uid) {
  const k8s::Json& ours = object.body.at("metadata");
  return {{"metadata",
           {{"uid", uid},
            {"labels", ours.at("labels")},
            {"ownerReferences", ours.at("ownerReferences")}}}};
}

}  // namespace

Applied Applier::carry_out(const Plan& plan) {
  applied_ = {plan.held, plan.issues, plan.edited, {}, {}, plan.waiting, false};
  unusable_ = plan.unusable;
  std::vector<const Planned*> needed, running;
  for (const Planned& planned : plan.writes)
    (runs_pods(*planned.object) ? running : needed).push_back(&planned);
  carry_out(needed);
  carry_out(running);
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

void Applier::carry_out(const std::vector<const Planned*>& stage) {
  if (applied_.namespace_ending) return;
  std::vector<const Planned*> sent;
  for (const Planned* planned : stage)
    if (may_be_sent(*planned)) sent.push_back(planned);
  std::vector<Outcome> outcomes(sent.size());
  together(sent.size(), at_once_, [&](std::size_t i) { outcomes[i] = send(*sent[i]); });
  std::exception_ptr ends_the_pass;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    try {
      settle(*sent[i], std::move(outcomes[i]));
    } catch (const k8s::Error&) {
      if (!ends_the_pass) ends_the_pass = std::current_exception();
    }
  }
  if (ends_the_pass) std::rethrow_exception(ends_the_pass);
}

bool Applier::may_be_sent(const Planned& planned) {
  if (!depends_on(*planned.object, unusable_)) return !refused_before(planned) && !put_off(planned);
  applied_.held.push_back({title(*planned.object), "needs an object that could not be written",
                           planned.step != Step::Create});
  return false;
}

Applier::Outcome Applier::send(const Planned& planned) const {
  if (faults_.given_up()) return {};
  try {
    return {write(planned)};
  } catch (const k8s::Error& error) {
    faults_.met(error);
    return {nullptr, std::current_exception()};
  }
}

void Applier::settle(const Planned& planned, Outcome outcome) {
  if (outcome.error != nullptr)
    settle_error(planned, outcome.error);
  else if (outcome.answer.is_null())
    fail(planned);
  else if (planned.step != Step::Scale)
    learn(planned, std::move(outcome.answer));
}

void Applier::settle_error(const Planned& planned, const std::exception_ptr& thrown) {
  const std::string name = title(*planned.object);
  try {
    std::rethrow_exception(thrown);
  } catch (const k8s::ApiError& error) {
    if (says_namespace_ending(error)) {
      applied_.namespace_ending = true;
    } else if (error.code() == kConflict && planned.step == Step::Create) {
      resolve_conflict(planned);
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

k8s::Json Applier::write(const Planned& planned) const {
  const desired::Object& object = *planned.object;
  const k8s::Resource& resource = resource_of(object.kind());
  switch (planned.step) {
    case Step::Create:
      return create(object);
    case Step::Update:
      return client_.apply(resource, object.body, kManager, k8s::Guard::update(planned.uid));
    case Step::Scale:
      return client_.scale(resource, observed_.key.ns, object.name(), planned.uid, planned.replicas,
                           kManager);
    case Step::TakeBack:
      return client_.merge(resource, observed_.key.ns, object.name(),
                           identity_alone(object, planned.uid), kManager);
  }
  throw std::logic_error("a step that is none");
}

k8s::Json Applier::create(const desired::Object& object) const {
  const auto apply = [&](const k8s::Json& body) {
    return client_.apply(resource_of(object.kind()), body, kManager, k8s::Guard::create());
  };
  try {
    return apply(object.body);
  } catch (const k8s::ApiError& error) {
    if (error.code() != kInvalid || !wants_its_address_back(object)) throw;
    k8s::Json body = object.body;  // somebody else has it by now: any other will do
    body["spec"].erase("clusterIP");
    return apply(body);
  }
}

void Applier::resolve_conflict(const Planned& planned) {
  if (faults_.given_up()) return fail(planned);
  const desired::Object& object = *planned.object;
  Planned again = planned;
  again.step = object.write == desired::Write::Apply ? Step::Update : Step::TakeBack;
  std::optional<k8s::Json> live;
  try {
    live = client_.find(resource_of(object.kind()), observed_.key.ns, object.name());
  } catch (const k8s::Error&) {
    return settle_error(again, std::current_exception());
  }
  if (!live) {
    applied_.waiting = true;
    return;
  }
  const k8s::Record record = record_of(object.kind(), *live);
  const Occupant who = occupant(record, observed_, object);
  if (who.kind == Occupant::Kind::Foreign) {
    refuse(planned, "NameConflict", conflict_message(object, *live));
  } else if (who.kind == Occupant::Kind::Ours && !who.labelled && !record.deleting) {
    again.uid = record.uid;  // it lost the label, so our watches no longer see it
    settle(again, send(again));
  } else {
    applied_.waiting = true;
  }
}

// Read-your-writes: what the server answered is what we know until the cache has caught up.
void Applier::learn(const Planned& planned, k8s::Json answer) {
  k8s::Record record = record_of(planned.object->kind(), std::move(answer));
  memory_.refusals.erase(record.key);
  note_write(memory_.contests[{record.key, Intent::Body}], planned.hash, now_);
  if (record.owned != planned.hash)
    memory_.settled[record.key] = {planned.hash, record.owned, planned.step != Step::TakeBack};
  else
    memory_.settled.erase(record.key);
  store_.put(std::move(record));
  applied_.wrote = true;
}

bool Applier::put_off(const Planned& planned) {
  const desired::Object& object = *planned.object;
  const k8s::ObjectKey key = key_of(observed_, object);
  if (planned.step == Step::Scale || !memory_.put_off(key, Intent::Body, planned.hash, now_))
    return false;
  applied_.refused.insert(title(object));
  if (planned.step == Step::Create) unusable_[title(object)] = object.component;
  std::string& rival = memory_.contests[{key, Intent::Body}].rival;
  if (!rival.empty()) return true;
  faults_.attempt(title(object), [&] {
    const auto live = client_.find(resource_of(object.kind()), key.ns, key.name);
    const std::string writer = live ? last_writer(*live, kManager) : "";
    rival = writer.empty() ? "somebody" : writer;
  });
  return true;
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
