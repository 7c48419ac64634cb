#include "harness/options.hpp"

#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace chaos {
namespace {

constexpr const char* usage = R"(options:
  --seed N[,N...]        decides everything: faults, their times and targets, jobs, cluster shapes (1); of several, one run after another
  --minutes M            begin no episode after that time (1)
  --episodes N           at most so many episodes
  --first-episode N      skip the ones before (0); with the two numbers that a failure prints, it meets the same cluster and jobs again:
  --first-application N  (1)
  --first-job N          (0)
  --intensity X          multiplies how often faults occur (1)
  --only TEXT            no faults but those with this in their name, such as "control" or "kill"; they come at the same times as else
  --keep-going           go on with a new application after a failure
  --quiet                print the summary and failures only
  --plan                 print what would be done, and end
  --need-namespaces      where the system gives none, do nothing and end with code 77
  --driver PROGRAM       the application under test
  --directory PATH       for logs; default: a new one below TMPDIR, removed at the end when all was well)";

[[noreturn]] void refuse(const std::string& why) {
  throw std::invalid_argument(why + "\n" + usage);
}

template <class T>
T number(const std::string& option, const std::string& text, T (*convert)(const std::string&, std::size_t*)) {
  std::size_t used = 0;
  try {
    const auto value = convert(text, &used);
    if (used == text.size() && text[0] != '-')
      return value;
  } catch (const std::logic_error&) {
  }
  refuse(option + " takes a number that is not negative, not \"" + text + "\"");
}

std::uint64_t whole(const std::string& option, const std::string& text) {
  return number<std::uint64_t>(option, text,
                               [](const std::string& t, std::size_t* used) -> std::uint64_t { return std::stoull(t, used, 0); });
}

std::vector<std::uint64_t> list(const std::string& option, const std::string& text) {
  std::vector<std::uint64_t> made;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');)
    made.push_back(whole(option, one));
  if (made.empty())
    refuse(option + " needs a number");
  return made;
}

std::uint32_t ordinal(const std::string& option, const std::string& text) {
  return static_cast<std::uint32_t>(whole(option, text));
}

double fraction(const std::string& option, const std::string& text) {
  return number<double>(option, text, [](const std::string& t, std::size_t* used) { return std::stod(t, used); });
}

} // namespace

std::string help_text() {
  return std::string("Runs an application in real processes under real faults, all of which follow from the seed.\n") + usage;
}

chaos_options read_options(const std::vector<std::string>& arguments) {
  chaos_options made;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& option = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (++i == arguments.size())
        refuse(option + " needs a value");
      return arguments[i];
    };
    if (option == "--seed")
      made.seeds = list(option, value());
    else if (option == "--minutes")
      made.minutes = fraction(option, value());
    else if (option == "--episodes")
      made.episodes = ordinal(option, value());
    else if (option == "--first-episode")
      made.first.episode = ordinal(option, value());
    else if (option == "--first-application")
      made.first.application = ordinal(option, value());
    else if (option == "--first-job")
      made.first.job = ordinal(option, value());
    else if (option == "--intensity")
      made.intensity = fraction(option, value());
    else if (option == "--only")
      made.only = value();
    else if (option == "--driver")
      made.driver = value();
    else if (option == "--directory")
      made.directory = value();
    else if (option == "--keep-going")
      made.keep_going = true;
    else if (option == "--quiet")
      made.quiet = true;
    else if (option == "--plan")
      made.plan_only = true;
    else if (option == "--need-namespaces")
      made.need_namespaces = true;
    else if (option == "--help")
      made.help = true;
    else
      refuse("unknown option " + option);
  }
  if (made.intensity <= 0)
    refuse("--intensity must be more than 0");
  return made;
}

std::string replay_command(const chaos_options& options, std::uint64_t seed, const run_point& from) {
  char text[200];
  std::snprintf(text, sizeof text,
                "scripts/chaos --seed %llu --intensity %g --first-episode %u --first-application %u --first-job %u --episodes 1",
                static_cast<unsigned long long>(seed), options.intensity, from.episode, from.application, from.job);
  return text + (options.only.empty() ? "" : " --only '" + options.only + "'");
}

} // namespace chaos
