// Jobs that wait more than they compute, some of them at once.
#pragma once

#include <cstddef>
#include <functional>

namespace reconcilers {

// Runs job(0) … job(count - 1), at most `width` at once, begun in this order; returns when all have
// ended. With a width of 1 all run in the caller's thread. After one that throws no more are begun,
// and what it threw is thrown again once the others have ended.
void together(std::size_t count, std::size_t width, const std::function<void(std::size_t)>& job);

}  // namespace reconcilers
