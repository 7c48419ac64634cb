// What the applications share: a command line, errors that end the program, timing, and the line of JSON that scripts/bench reads.
#pragma once

#include <salamander/rdd/config.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace app {

/// What one run found. `checksum` is a JSON value: a string is compared exactly, a number within a relative 1e-6.
struct report {
  double seconds = 0;
  double load_seconds = 0; ///< the part of `seconds` until the input was parsed and cached
  std::string checksum;
  std::string details = {}; ///< further members of the JSON object, each behind a comma
};

class stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The command line of an application: what is added here, and --help, --master and --json. Values keep their defaults when not given.
/// The variables given must outlive `run`.
class program {
public:
  program(std::string name, const std::string& about);
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program();

  /// A required argument, taken by position.
  program& argument(const std::string& name, std::string& value, const std::string& about);
  /// A required count, taken by position; 1 or more.
  program& argument(const std::string& name, std::uint64_t& value, const std::string& about);

  program& option(const std::string& name, std::string& value, const std::string& about);
  program& option(const std::string& name, std::vector<std::string>& values, const std::string& about); ///< may be repeated
  program& option(const std::string& name, double& value, const std::string& about);
  program& option(const std::string& name, std::uint64_t& value, std::uint64_t least, const std::string& about);

  /// A command such as `sort`, with arguments of its own; exactly one has to be given.
  program& command(const std::string& name, const std::string& about);
  /// True when this command was given.
  bool chosen() const;

  /// Parses the command line and calls `work`. Returns what main returns: 0, 1 after an error (on standard error), 2 for a wrong command line.
  int run(int argc, char** argv, const std::function<report()>& work);

  /// The settings that the command line asks for: the application's name, and the master if there was one.
  salamander::config settings() const;
  /// Only the line of JSON is wanted; work prints nothing, and makes a checksum.
  bool json() const noexcept;

private:
  struct parser;
  explicit program(std::unique_ptr<parser> part);

  std::unique_ptr<parser> parser_;
};

/// A checksum to be compared exactly, as a JSON string.
std::string exact(std::uint64_t value);
/// A checksum to be compared within rounding, as a JSON number.
std::string rounded(double value);

/// FNV-1a of 64 bits, which the checksums use.
inline std::uint64_t fnv1a(std::string_view bytes) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

} // namespace app
