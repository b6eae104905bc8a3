#include "reconcilers/reconciler.h"

#include <openssl/rand.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "crds/resolve.h"
#include "k8s-client/errors.h"
#include "k8s-client/guarded.h"
#include "reconcilers/credential_keeper.h"
#include "reconcilers/faults.h"
#include "reconcilers/gates.h"
#include "reconcilers/operate.h"
#include "reconcilers/progress.h"
#include "reconcilers/publish.h"
#include "reconcilers/status.h"

namespace reconcilers {
namespace {

using namespace std::chrono_literals;

constexpr auto kHiccup = 3s;  // faults that are over by then are not told

// Letters and digits, each as likely as the others: bytes beyond the last multiple are thrown away.
std::string random_text(std::size_t length) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr unsigned kFair = 256 / kAlphabet.size() * kAlphabet.size();
  std::string text;
  while (text.size() < length) {
    unsigned char byte = 0;
    if (RAND_bytes(&byte, 1) != 1) throw std::runtime_error("OpenSSL has no random bytes");
    if (byte < kFair) text += kAlphabet[byte % kAlphabet.size()];
  }
  return text;
}

Options with_defaults(Options options) {
  if (!options.wall_clock) options.wall_clock = [] { return std::chrono::system_clock::now(); };
  if (!options.now) options.now = [] { return k8s::Clock::now(); };
  if (!options.random) options.random = random_text;
  return options;
}

// What one pass works with.
struct Pass {
  const k8s::Client& client;
  k8s::Store& store;
  const Options& options;
  Memory& memory;
  Observed observed;
  TimePoint now;
  Faults faults{options.now};
  bool wrote = false;  // an object

  bool run();  // false: the resource is invalid

 private:
  void run_valid(const crds::Resolved& resolved);
  void run_invalid(const crds::Problems& problems);
  CredentialState credentials(const crds::Resolved& resolved);
  Applied apply(const crds::Resolved& resolved, const desired::Objects& desired, const Gates& open,
                const CredentialState& credentials);
  void operate(const crds::Resolved& resolved, const desired::Objects& desired, const Gates& open);
  void publish(const crds::Resolved& resolved, const desired::Objects& desired, Applied applied,
               const CredentialState& credentials);
  bool faults_last();
  Publisher publisher() const;
};

Applied with_faults(Applied applied, const Faults& faults) {
  applied.faults = faults.passing();
  const auto& refusals = faults.refusals();
  applied.issues.insert(applied.issues.end(), refusals.begin(), refusals.end());
  return applied;
}

void add_pending_procedures(const crds::Resolved& resolved, const desired::Objects& desired,
                            const Observed& observed, std::vector<std::string>& pending) {
  const VolumeClaims claims = volume_claims(resolved, desired, observed);
  for (const VolumeClaim& claim : claims)
    if (must_grow(claim)) pending.push_back("PersistentVolumeClaim " + claim.name);
  for (const Following& change :
       find_followings(desired, claims, observed, resolved.deletion_policy))
    pending.push_back(title(change));
}

// Who fights for what was written.
void note_contests(Memory& memory, TimePoint now, Applied& applied) {
  std::erase_if(memory.contests, [now](const auto& it) { return is_over(it.second, now); });
  std::map<std::string, std::string> rivals;  // an object may be contested in both its intents
  for (const auto& [about, contest] : memory.contests) {
    if (!contest.fight) continue;
    const std::string who = contest.rival.empty() ? "" : " (by " + contest.rival + ")";
    rivals.try_emplace(about.first.kind + " " + about.first.name, who);
    memory.wake_at(contest.last + kPeace);
  }
  for (const auto& [object, who] : rivals) applied.contested.push_back(object + who);
}

// What the API server makes of what is asked for now: of an earlier body nobody wants to know.
void note_altered(const desired::Objects& desired, const Observed& observed, const Memory& memory,
                  Applied& applied) {
  for (const desired::Object& object : desired) {
    const auto found = memory.settled.find(key_of(observed, object));
    if (found == memory.settled.end() || !found->second.whole) continue;
    const k8s::RecordPtr record = observed.find(object.kind(), object.name());
    if (record && record->owned == found->second.owned &&
        found->second.desired == k8s::desired_hash(object.body))
      applied.altered.push_back(title(object));
  }
}

bool Pass::run() {
  const auto& allowed = options.prerelease_namespaces;
  const bool named = std::find(allowed.begin(), allowed.end(), observed.key.ns) != allowed.end();
  const crds::Outcome outcome =
      crds::resolve(observed.object(), {named || observed.prerelease_namespace});
  if (outcome.resolved)
    run_valid(*outcome.resolved);
  else
    run_invalid(outcome.problems);
  return outcome.resolved.has_value();
}

void Pass::run_valid(const crds::Resolved& resolved) {
  const CredentialState credential_state = credentials(resolved);
  // Without them nothing can be said of what runs: not for a hiccup.
  if (!faults.none() && !faults_last()) faults.rethrow();
  const desired::Facts facts = learn(resolved, observed, credential_state.values);
  const desired::Objects desired = desired::build(resolved, facts);
  const Gates open = open_gates(resolved, facts, observed, desired);
  Applied applied = apply(resolved, desired, open, credential_state);
  wrote = applied.wrote;
  if (applied.namespace_ending) {
    memory.namespace_ending = now;
    return;
  }
  if (!resolved.paused) operate(resolved, desired, open);
  if (applied.waiting || credential_state.waiting) memory.wake_at(now + kCacheDelay);
  if (faults.none()) memory.faulty_since.reset();
  if (faults.none() || faults_last())
    publish(resolved, desired, with_faults(std::move(applied), faults), credential_state);
  if (!faults.none()) faults.rethrow();
}

// Or they were told before, by an earlier process perhaps.
bool Pass::faults_last() {
  if (!memory.faulty_since) memory.faulty_since = now;
  return now - *memory.faulty_since >= kHiccup || tells_fault(observed.status());
}

void Pass::run_invalid(const crds::Problems& problems) {
  const auto components = take_stock(nullptr, observed, {}, {}, memory.jobs);
  publisher().publish(kept_status_fields(observed, components),
                      assess_invalid(problems, components, observed.status()));
}

CredentialState Pass::credentials(const crds::Resolved& resolved) {
  const bool absent = !observed.find("Secret", resolved.name + "-credentials");
  if (resolved.paused && absent) return {};
  const CredentialKeeper keeper{client, store, options.random, now};
  CredentialState state;
  faults.attempt("Secret " + resolved.name + "-credentials",
                 [&] { state = keeper.keep(resolved, observed, memory); });
  return state;
}

Applied Pass::apply(const crds::Resolved& resolved, const desired::Objects& desired,
                    const Gates& open, const CredentialState& credentials) {
  const Reserve reserve{!credentials.foreign_keys.empty(), resolved.updates_on_request};
  const Plan plan = make_plan(desired, observed, open, memory.settled, reserve);
  Applied applied = resolved.paused ? Applier::pause(plan)
                                    : Applier(client, store, observed, memory, faults, now,
                                              options.requests_at_once)
                                          .carry_out(plan);
  if (resolved.paused) add_pending_procedures(resolved, desired, observed, applied.pending);
  if (credentials.issue) applied.issues.insert(applied.issues.begin(), *credentials.issue);
  return applied;
}

void Pass::operate(const crds::Resolved& resolved, const desired::Objects& desired,
                   const Gates& open) {
  const Procedures procedures{client, store, observed, memory, faults, now};
  procedures.repeat_failed_jobs(desired);
  const VolumeClaims claims = volume_claims(resolved, desired, observed);
  procedures.grow_volumes(claims);
  procedures.keep_or_release(find_followings(desired, claims, observed, resolved.deletion_policy));
  procedures.finish_redis_bootstrap(resolved);
  procedures.replace_unstarted_redis();
  // What is not known yet may be missing among the desired objects: only then is nothing garbage
  const bool all_known =
      open.contains(desired::Gate::Credentials) && open.contains(desired::Gate::RedisAddresses);
  if (all_known) procedures.prune(find_garbage(desired, observed));
}

void Pass::publish(const crds::Resolved& resolved, const desired::Objects& desired, Applied applied,
                   const CredentialState& credentials) {
  if (const auto fresh = observe(store, observed.key)) observed = *fresh;
  note_contests(memory, now, applied);
  note_altered(desired, observed, memory, applied);
  std::vector<Held> held = applied.held;
  for (Held& it : outdated_redis(observed)) held.push_back(std::move(it));
  const auto components =
      take_stock(&desired, observed, applied.held, applied.refused, memory.jobs);
  const std::chrono::seconds deadline(resolved.progress_deadline_seconds);
  const auto wall_now = options.wall_clock();
  note_progress(memory.progress, progress_token(resolved.generation, components), observed.status(),
                resolved.generation, deadline, now, wall_now);
  const TimePoint due = memory.progress.since + deadline;
  const Assessment assessment =
      assess({resolved, components, applied, credentials.foreign_keys, now >= due,
              storage_condition(volume_claims(resolved, desired, observed), memory.refusals)});
  if (assessment.reconciling && !resolved.suspend) memory.wake_at(due);
  if (assessment.ready) memory.note_ready();
  publisher().publish(
      status_fields(resolved, desired, observed, components, held, rfc3339(wall_now)), assessment);
}

Publisher Pass::publisher() const {
  return {client,           store,
          observed,         memory,
          options.now(),    options.wall_clock(),
          options.identity, options.others_wait()};
}

Action action_until(const std::optional<TimePoint>& due, TimePoint now) {
  if (!due) return Action::await_change();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - now);
  return Action::requeue(std::max(left, std::chrono::milliseconds(1)));
}

}  // namespace

struct Reconciler::Impl {
  Impl(const k8s::Client& the_client, k8s::Store& the_store, Options the_options)
      : client(the_client), store(the_store), options(with_defaults(std::move(the_options))) {}

  const k8s::Client& client;
  k8s::Store& store;
  const Options options;
  k8s::Guarded<std::map<k8s::ObjectKey, std::shared_ptr<Memory>>> memories;

  // What is still to come of a pass after which nothing has changed; nullopt: it must be run.
  std::optional<Action> unchanged(const k8s::ObjectKey& key, std::size_t fingerprint,
                                  TimePoint now) {
    return memories.with([&](const auto& all) -> std::optional<Action> {
      const auto found = all.find(key);
      if (found == all.end()) return std::nullopt;
      const Memory& memory = *found->second;
      if (memory.fingerprint != fingerprint || (memory.due && now >= *memory.due))
        return std::nullopt;
      return action_until(memory.due, now);
    });
  }

  std::shared_ptr<Memory> memory_of(const k8s::ObjectKey& key, const std::string& uid,
                                    TimePoint now) {
    return memories.with([&](auto& all) {
      std::shared_ptr<Memory>& memory = all[key];
      if (!memory || memory->uid != uid) {
        memory = std::make_shared<Memory>();
        memory->uid = uid;
        memory->since = now;
      }
      return memory;
    });
  }

  void forget(const k8s::ObjectKey& key) {
    memories.with([&key](auto& all) { all.erase(key); });
  }
};

Reconciler::Reconciler(const k8s::Client& client, k8s::Store& store, Options options)
    : impl_(std::make_unique<Impl>(client, store, std::move(options))) {}

Reconciler::~Reconciler() = default;

Action Reconciler::reconcile(const k8s::ObjectKey& key) {
  const TimePoint now = impl_->options.now();
  // Taken first: what changes while the pass reads makes another one.
  const std::size_t before = fingerprint(impl_->store, key);
  if (const auto action = impl_->unchanged(key, before, now)) return *action;
  std::optional<Observed> observed = observe(impl_->store, key);
  if (!observed || observed->resource->deleting || observed->namespace_deleting) {
    impl_->forget(key);
    return Action::await_change();
  }
  const auto memory = impl_->memory_of(key, observed->uid(), now);
  const auto ending = [&] { return action_until(*memory->namespace_ending + kEndingPause, now); };
  if (memory->namespace_ending && now < *memory->namespace_ending + kEndingPause) return ending();
  memory->namespace_ending.reset();
  memory->fingerprint.reset();
  memory->due.reset();
  bool valid = true;
  Pass pass{impl_->client, impl_->store, impl_->options, *memory, std::move(*observed), now};
  try {
    valid = pass.run();
  } catch (const k8s::ApiError& error) {
    if (says_namespace_ending(error)) {
      memory->namespace_ending = now;
      return ending();
    }
    if (error.code() != 409) throw;
    return Action::requeue(kCacheDelay);  // somebody was faster: the cache will say who
  }
  if (memory->namespace_ending) return ending();
  // Whoever undid a write of this pass by now has left no trace: all is as it was before.
  if (!pass.wrote) memory->fingerprint = before;
  Action action = action_until(memory->due, now);
  action.invalid = !valid;
  return action;
}

}  // namespace reconcilers
