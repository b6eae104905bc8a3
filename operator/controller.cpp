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
    if (!action.after) return PassResult::Success;
    queue_.add_after(key, options_.now(), *action.after);
    return PassResult::RequeueAfter;
  } catch (const k8s::ApiError& error) {
    if (error.code() == 409) {
      // Somebody was faster: not a fault, the next pass sees what they did.
      spdlog::info("conflict, trying again: {}", error.what());
      queue_.add_backed_off(key, options_.now());
      return PassResult::Requeue;
    }
    return back_off(key, error.what(), error.retry_after().value_or(std::chrono::seconds{0}));
  } catch (const k8s::TransportError& error) {
    if (error.stage() == k8s::TransportError::Stage::Cancelled) {
      spdlog::info("pass given up: {}", error.what());
      queue_.add_backed_off(key, options_.now());
      return PassResult::Requeue;
    }
    return back_off(key, error.what(), milliseconds{0});
  } catch (const std::exception& error) {
    return back_off(key, error.what(), milliseconds{0});
  } catch (...) {
    return back_off(key, "something that is not a std::exception was thrown", milliseconds{0});
  }
}

PassResult Controller::back_off(const k8s::ObjectKey& key, const std::string& what,
                                milliseconds minimum) {
  spdlog::error("pass failed: {}", what);
  queue_.add_backed_off(key, options_.now(), minimum);
  return PassResult::Error;
}

}  // namespace op
