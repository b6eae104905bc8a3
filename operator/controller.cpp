#include "operator/controller.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>
#include <random>
#include <utility>

#include "k8s-client/errors.h"
#include "operator/logging.h"

namespace op {
namespace {

using std::chrono::milliseconds;

std::string random_prefix() {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", std::random_device{}());
  return text;
}

}  // namespace

Controller::Controller(WorkQueue& queue, Reconcile reconcile, Options options)
    : queue_(queue),
      reconcile_(std::move(reconcile)),
      options_(std::move(options)),
      id_prefix_(options_.id_prefix.empty() ? random_prefix() : options_.id_prefix) {}

bool Controller::step(k8s::Clock::time_point now) {
  if (!options_.synced()) return false;
  const auto key = queue_.pop(now);
  if (!key) return false;
  pass(*key);
  return true;
}

void Controller::work() {
  while (const auto key = queue_.take(options_.now)) pass(*key);
}

void Controller::pass(const k8s::ObjectKey& key) {
  const LogScope scope(key.ns + "/" + key.name, id_prefix_ + "-" + std::to_string(++passes_));
  const auto start = options_.now();
  if (options_.observer != nullptr) options_.observer->started();
  const PassResult result = reconcile_and_schedule(key);
  const auto end = options_.now();
  queue_.done(key, end);
  if (options_.observer != nullptr) options_.observer->finished(result, end - start);
  spdlog::debug("pass took {} ms", std::chrono::duration_cast<milliseconds>(end - start).count());
}

PassResult Controller::reconcile_and_schedule(const k8s::ObjectKey& key) {
  try {
    const reconcilers::Action action = reconcile_(key);
    queue_.forget(key);
    if (action.after) queue_.add_after(key, options_.now(), *action.after);
    if (action.invalid) return PassResult::Invalid;
    return action.after ? PassResult::RequeueAfter : PassResult::Success;
  } catch (const k8s::ApiError& error) {
    if (error.code() == 409) {
      // Somebody was faster: not a fault, the next pass sees what they did.
      spdlog::info("conflict, trying again: {}", error.what());
      queue_.add_backed_off(key, options_.now());
      return PassResult::Requeue;
    }
    return back_off(key, PassResult::Error, error.what(),
                    error.retry_after().value_or(std::chrono::seconds{0}));
  } catch (const k8s::TransportError& error) {
    if (error.stage() == k8s::TransportError::Stage::Cancelled) {
      spdlog::info("pass given up: {}", error.what());
      queue_.add_backed_off(key, options_.now());
      return PassResult::Requeue;
    }
    const bool late = error.stage() == k8s::TransportError::Stage::Deadline;
    return back_off(key, late ? PassResult::Timeout : PassResult::Error, error.what());
  } catch (const k8s::Error& error) {
    return back_off(key, PassResult::Error, error.what());
  } catch (const std::exception& error) {
    return back_off(key, PassResult::Bug, error.what());
  } catch (...) {
    return back_off(key, PassResult::Bug, "something that is not a std::exception was thrown");
  }
}

PassResult Controller::back_off(const k8s::ObjectKey& key, PassResult result,
                                const std::string& what, milliseconds minimum) {
  spdlog::error("pass failed: {}", what);
  queue_.add_backed_off(key, options_.now(), minimum);
  return result;
}

}  // namespace op
