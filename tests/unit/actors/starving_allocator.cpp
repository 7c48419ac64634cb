#include "starving_allocator.hpp"

#include <cstdlib>
#include <new>

namespace starvation {

std::atomic<bool> starving = false;
std::atomic<unsigned> refused = 0;
thread_local bool spared = false;

} // namespace starvation

void* operator new(std::size_t bytes) {
  if (starvation::starving && !starvation::spared)
    ++starvation::refused;
  else if (void* const made = std::malloc(bytes == 0 ? 1 : bytes))
    return made;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
