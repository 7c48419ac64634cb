#include "fuzz.hpp"

#include "../support/scratch.hpp"
#include "allocation_count.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace fuzz {

std::vector<target>& targets() {
  static std::vector<target> all;
  return all;
}

void fail(const std::string& what) {
  allocation_count::stop();
  // Texts of errors repeat their input.
  std::string line = what.substr(0, 300);
  std::ranges::replace_if(
      line, [](char c) { return c < ' ' || c > '~'; }, '?');
  std::fprintf(stderr, "fuzz: %s\n", line.c_str());
  std::abort();
}

bool run(const target& one, input_bytes input) {
  static std::set<std::string_view> warm;
  try {
    // What decoders make once for the whole process is not charged to an input.
    if (warm.insert(one.name).second)
      one.run({});
    allocation_count::start(one.memory.fixed + one.memory.per_byte * input.size());
    const bool accepted = one.run(input);
    allocation_count::stop();
    return accepted;
  } catch (const std::exception& thrown) {
    fail(std::string("an exception where none is documented: ") + thrown.what());
  }
}

byte_buffer bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

byte_buffer length_and(std::uint64_t length, std::string_view text) {
  byte_buffer bytes;
  byte_writer out(bytes);
  out.varint(length);
  out.raw(text.data(), text.size());
  return bytes;
}

memory_file::memory_file(input_bytes content) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (file_ < 0 || ::write(file_, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    fail("cannot make a file in memory");
}

memory_file::~memory_file() {
  ::close(file_);
}

std::string memory_file::path() const {
  return "/proc/self/fd/" + std::to_string(file_);
}

const std::string& scratch_directory() {
  static const test_support::scratch directory;
  static const std::string path = directory.path().string();
  return path;
}

} // namespace fuzz
