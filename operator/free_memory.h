// Freed memory that the allocator keeps for later.
#pragma once

namespace op {

// Gives it back to the system. Of any thread.
void release_free_memory();

}  // namespace op
