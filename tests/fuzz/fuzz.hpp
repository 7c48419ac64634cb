// What fuzz targets share. A target feeds one decoder with arbitrary bytes and checks what the decoder promises; libFuzzer runs it
// with inputs of its own (scripts/fuzz), and an ordinary test runs it over the files in tests/fuzz/corpus/<name of the target>.
#pragma once

#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

using salamander::errc;
using salamander::core::byte_buffer;
using salamander::core::byte_reader;
using salamander::core::byte_writer;
using input_bytes = std::span<const std::byte>;

/// What a decoder may hold at once: `fixed` bytes, and `per_byte` for each byte of its input.
struct memory_budget {
  std::size_t fixed = 64U << 10;
  std::size_t per_byte = 16;
};

/// A file of the corpus that a target makes itself.
struct seed {
  std::string name;
  byte_buffer data;
  bool valid = true; ///< the decoder accepts it; otherwise it refuses it
};

struct target {
  const char* name;
  /// True when the input was accepted, false when it was refused in the documented way. Anything else ends the program.
  bool (*run)(input_bytes input);
  std::vector<seed> (*seeds)();
  memory_budget memory = {};
};

/// All targets of this program. Threads: filled by static initialisation.
std::vector<target>& targets();

struct registered {
  explicit registered(const target& one) {
    targets().push_back(one);
  }
};

/// Runs a target under its memory budget. Ends the program with a text when a promise is broken.
bool run(const target& one, input_bytes input);

/// A broken promise.
[[noreturn]] void fail(const std::string& what);
inline void expect(bool kept, const char* promise) {
  if (!kept)
    fail(promise);
}

/// Calls `decode`: true if it returns, false if it throws a salamander::error with one of these codes. Other exceptions are failures.
template <class Decode>
bool accepts(Decode&& decode, std::initializer_list<errc> refusals) {
  try {
    decode();
    return true;
  } catch (const salamander::error& refused) {
    for (const auto code : refusals)
      if (refused.code() == code)
        return false;
    fail(std::string("an error of another code than documented: ") + refused.what());
  } catch (const std::exception& other) {
    fail(std::string("an exception of another type than documented: ") + other.what());
  }
}

// -- inputs -------------------------------------------------------------------

inline std::string_view text_of(input_bytes input) noexcept {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}
byte_buffer bytes_of(std::string_view text);

/// Takes numbers that steer a target from the front of its input; zeros when nothing is left.
class controls {
public:
  explicit controls(input_bytes input) noexcept : rest_(input) {}

  template <class T>
  T take() noexcept {
    T value{};
    const auto size = std::min(sizeof(T), rest_.size());
    if (size != 0)
      std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  input_bytes rest() const noexcept {
    return rest_;
  }

private:
  input_bytes rest_;
};

/// The first bytes of seeds for targets that read controls.
template <class... Controls>
byte_buffer after_controls(std::string_view data, Controls... values) {
  byte_buffer all;
  byte_writer out(all);
  (out.raw(&values, sizeof values), ...);
  out.raw(data.data(), data.size());
  return all;
}

/// A byte buffer with this varint and this text.
byte_buffer length_and(std::uint64_t length, std::string_view text);

/// A file that exists in memory only. Errors: ends the program when there is no memory for it.
class memory_file {
public:
  explicit memory_file(input_bytes content);
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file();
  std::string path() const;

private:
  int file_;
};

/// A directory of this process's own, gone with the process.
const std::string& scratch_directory();

} // namespace fuzz
