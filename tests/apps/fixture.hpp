// The applications as their users run them: programs with arguments, files and output.
#pragma once

#include "../support/scratch.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

struct outcome {
  int status = -1; ///< what main returned; -1 after a signal
  std::string output;
  std::string errors;

  /// The lines of the standard output.
  std::vector<std::string> lines() const;
  /// The numbers of a line of the standard output.
  std::vector<double> numbers(std::size_t line) const;
};

/// Files of one test, and applications that read and write them.
class workplace : public test_support::scratch {
public:
  /// Runs an application to its end.
  outcome run(const std::string& application, const std::vector<std::string>& arguments, const std::string& input = "") const;
};

std::string content_of(const std::string& path);
/// The part files of a directory, one after the other.
std::string parts_of(const std::string& directory);
std::vector<std::string> split_lines(const std::string& text);
/// The number of a field of the line of JSON.
std::string json_field(const std::string& line, const std::string& name);

/// The same numbers in every run.
inline double uniform(std::mt19937& random) {
  return static_cast<double>(random()) / 4294967296.0;
}
