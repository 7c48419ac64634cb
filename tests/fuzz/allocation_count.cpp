#include "allocation_count.hpp"

#include <malloc.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FUZZ_SANITIZED 1
#endif

namespace {

thread_local bool counting = false;
thread_local std::int64_t held = 0;
thread_local std::int64_t most_held = 0;

void taken(std::size_t size) noexcept {
  if (!counting)
    return;
  if (size <= static_cast<std::size_t>(INT64_MAX) && held + static_cast<std::int64_t>(size) <= most_held) {
    held += static_cast<std::int64_t>(size);
    return;
  }
  counting = false;
  std::fprintf(stderr, "fuzz: an allocation of %zu bytes on top of %lld exceeds the budget of %lld bytes for this input\n", size,
               static_cast<long long>(held), static_cast<long long>(most_held));
  std::abort();
}

} // namespace

namespace fuzz::allocation_count {

void start(std::size_t most) noexcept {
  held = 0;
  most_held = static_cast<std::int64_t>(most);
  counting = true;
}

void stop() noexcept {
  counting = false;
}

} // namespace fuzz::allocation_count

#ifdef FUZZ_SANITIZED

// The sanitizer has an allocator of its own, and tells.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t), void (*on_free)(const volatile void*));
std::size_t __sanitizer_get_allocated_size(const volatile void* at);
}

namespace {

[[maybe_unused]] const int installed =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t size) { taken(size); },
                                              [](const volatile void* at) {
                                                if (counting && at)
                                                  held -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(at));
                                              });

} // namespace

#else

// In front of the C library's allocator, whose own names these are.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* at, std::size_t size);
void __libc_free(void* at);
}

namespace {

/// What was asked for is counted before it is given, and what came instead after.
void* rounded(void* at, std::size_t size) noexcept {
  if (counting && at)
    held += static_cast<std::int64_t>(::malloc_usable_size(at)) - static_cast<std::int64_t>(size);
  return at;
}

void given_back(void* at) noexcept {
  if (counting && at)
    held -= static_cast<std::int64_t>(::malloc_usable_size(at));
}

} // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
  taken(size);
  return rounded(__libc_malloc(size), size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  taken(count * size);
  return rounded(__libc_calloc(count, size), count * size);
}
void* realloc(void* at, std::size_t size) noexcept {
  given_back(at);
  taken(size);
  return rounded(__libc_realloc(at, size), size);
}
void free(void* at) noexcept {
  given_back(at);
  __libc_free(at);
}
}

#endif
