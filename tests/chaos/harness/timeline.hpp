// What happened when: kept for the report of a failure, written to a file, and shown as it happens if wanted.
#pragma once

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <string>

namespace chaos {

class timeline {
public:
  timeline(const std::filesystem::path& file, bool shown);
  timeline(const timeline&) = delete;
  timeline& operator=(const timeline&) = delete;
  ~timeline();

  void note(const std::string& text);
  /// The last lines, with times since the begin.
  const std::deque<std::string>& recent() const noexcept {
    return recent_;
  }
  double seconds() const;

private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::FILE* file_ = nullptr;
  bool shown_;
  std::deque<std::string> recent_;
};

} // namespace chaos
