#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// What the hand-written programs share: arguments, mapped input, two threads, and the line of JSON that scripts/bench reads.
namespace bench {

/// Arguments as every benchmarked program takes them: positions, `--name value` options that may repeat, and the flag `--json`.
class arguments {
public:
  arguments(int argc, char** argv);

  /// The i-th argument that is not an option; an error naming `what` when there are fewer.
  const std::string& position(std::size_t i, std::string_view what) const;
  std::string option(std::string_view name, std::string_view otherwise) const;
  std::size_t number(std::string_view name, std::size_t otherwise) const;
  double real(std::string_view name, double otherwise) const;
  std::vector<std::string> options(std::string_view name) const;
  bool json() const {
    return json_;
  }

  /// N of `--master local[N]`, 2 by default.
  unsigned threads() const;

private:
  std::vector<std::string> positions_;
  std::vector<std::pair<std::string, std::string>> options_;
  bool json_ = false;
};

/// What one run found; `checksum` is a JSON value: a string is compared exactly, a number within a relative 1e-6.
struct report {
  double seconds = 0;
  double load_seconds = 0;
  std::string checksum;
};

class stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A file mapped for reading; the views into it live as long as it does.
class mapped_file {
public:
  explicit mapped_file(const std::string& path);
  ~mapped_file();
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  std::string_view text() const {
    return {data_, size_};
  }

private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Slice `part` of `parts` nearly equal ones, each moved to the next line end.
std::string_view slice_at_lines(std::string_view text, unsigned part, unsigned parts);

/// Calls `f` with each line, without its "\n" or "\r\n".
template <class F>
void for_each_line(std::string_view text, F&& f) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
      line.remove_suffix(1);
    f(line);
  }
}

/// Takes the next number off the front of `text`; an error when there is none.
double take_number(std::string_view& text);
std::uint64_t take_integer(std::string_view& text);

/// Numbers in rows of one length, as the two learning programs read them.
struct matrix {
  std::size_t columns = 0;
  std::vector<double> values;

  std::size_t rows() const {
    return columns == 0 ? 0 : values.size() / columns;
  }
  const double* row(std::size_t i) const {
    return values.data() + i * columns;
  }
};

/// Parses lines of numbers, one matrix for each of `threads` threads, in the order of the file.
std::vector<matrix> read_rows(const std::string& path, unsigned threads);

/// Runs `f(0) .. f(n-1)` on n threads and joins them; the first exception is thrown on.
template <class F>
void in_parallel(unsigned n, F&& f) {
  std::vector<std::exception_ptr> errors(n);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < n; ++i)
    threads.emplace_back([&, i] {
      try {
        f(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  for (auto& thread : threads)
    thread.join();
  for (auto& error : errors)
    if (error)
      std::rethrow_exception(error);
}

inline constexpr std::uint64_t fnv_basis = 0xcbf29ce484222325u;
inline constexpr std::uint64_t fnv_prime = 0x100000001b3u;

/// FNV-1a of 64 bits, which the checksums of every system use.
inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = fnv_basis;
  for (const char c : bytes)
    hash = (hash ^ static_cast<unsigned char>(c)) * fnv_prime;
  return hash;
}

/// A checksum to be compared exactly, as a JSON string.
std::string exact(std::uint64_t value);
/// A checksum to be compared within rounding, as a JSON number.
std::string rounded(double value);

} // namespace bench
