// Runs by seed, as the simulators' command lines ask for them: options, the loop in threads, and how results are told.
#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace salamander::sim {

/// Errors: std::invalid_argument when the text is not a number.
inline std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const auto* end = text + std::strlen(text);
  if (const auto [stop, failed] = std::from_chars(text, end, value); failed != std::errc() || stop != end)
    throw std::invalid_argument(std::string(text) + " is not a number");
  return value;
}

/// The words of a command line, one after the other.
class argument_reader {
public:
  argument_reader(int count, char** words) : count_(count), words_(words) {}

  /// False after the last one.
  bool next() {
    return ++at_ < count_;
  }
  std::string_view word() const {
    return words_[at_];
  }
  /// What follows this word. Errors: std::invalid_argument when nothing does.
  const char* value() {
    if (at_ + 1 == count_)
      throw std::invalid_argument(std::string(word()) + " needs a value");
    return words_[++at_];
  }

private:
  int count_;
  char** words_;
  int at_ = 0;
};

/// What every simulator can be asked for. Defects are named by name_of(Defect) and found by defect_of(name).
template <class Defect>
struct seed_options {
  std::uint64_t first_seed = 1;
  std::optional<std::uint64_t> seeds;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::optional<std::uint64_t> seed; ///< a single run
  Defect defect = Defect::none;      ///< planted in it
  bool trace = false;
  bool minimise = false;
  bool defects = false; ///< all in turn

  /// False when the word is none of these options. Errors: std::invalid_argument.
  bool take(argument_reader& line, std::optional<Defect> (*defect_of)(std::string_view) noexcept) {
    const auto word = line.word();
    if (word == "--seeds")
      seeds = number(line.value());
    else if (word == "--first-seed")
      first_seed = number(line.value());
    else if (word == "--jobs")
      threads = static_cast<unsigned>(number(line.value()));
    else if (word == "--seed")
      seed = number(line.value());
    else if (word == "--defect")
      defect = named(line.value(), defect_of);
    else if (word == "--trace")
      trace = true;
    else if (word == "--minimise")
      minimise = true;
    else if (word == "--defects")
      defects = true;
    else
      return false;
    return true;
  }

private:
  static Defect named(const char* name, std::optional<Defect> (*defect_of)(std::string_view) noexcept) {
    if (const auto found = defect_of(name))
      return *found;
    throw std::invalid_argument(std::string("no defect is called ") + name);
  }
};

/// Does the work of main, which returns its exit code; 2 with the usage when it throws std::invalid_argument.
template <class Work>
int run_command(const char* program, const char* usage, Work work) {
  try {
    return work();
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "%s: %s\n%s", program, wrong.what(), usage);
    return 2;
  }
}

inline constexpr auto nothing_more = [] {};

/// Calls work(i) for `count` numbers from `first` on, in so many threads (at least one); each calls `done` after its last number.
template <class Work, class Done = decltype(nothing_more)>
void in_threads(unsigned threads, std::uint64_t first, std::uint64_t count, Work work, Done done = nothing_more) {
  std::atomic<std::uint64_t> next{0};
  const auto take_turns = [&] {
    for (auto i = next++; i < count; i = next++)
      work(first + i);
    done();
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back(take_turns);
  take_turns();
  for (auto& one : others)
    one.join();
}

template <class Result>
void print_failure(const Result& failed) {
  std::printf("seed %llu: %s: %s\n", static_cast<unsigned long long>(failed.seed), failed.check.c_str(), failed.text.c_str());
}

template <class Result>
void print_success(const Result& held) {
  std::printf("seed %llu: holds; %llu events, hash %016llx\n", static_cast<unsigned long long>(held.seed),
              static_cast<unsigned long long>(held.events), static_cast<unsigned long long>(held.hash));
}

/// The first seed that noticed a planted defect, and by which check.
inline void print_noticed(std::string_view defect, std::uint64_t seed, const std::string& check) {
  std::printf("%-36s seed %4llu  %s\n", std::string(defect).c_str(), static_cast<unsigned long long>(seed), check.c_str());
}
inline void print_unnoticed(std::string_view defect) {
  std::printf("%-36s NOT NOTICED\n", std::string(defect).c_str());
}

} // namespace salamander::sim
