// What the driver program and the harness say to each other: one line for each job, over the program's standard input and output.
//
//   to the program     run <number> <seed> <job>
//                      stop                                  (or the end of the input)
//   to the harness     ready                                 the context is up
//                      unready <code> <text>                 it could not be made
//                      begin <number>
//                      end <number> <outcome> <code> <text>
//                      stopped                               the context is down
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace chaos {

struct job_request {
  std::uint32_t number = 0;
  std::uint64_t seed = 0;
  std::string job;
};

enum class outcome : std::uint8_t {
  right,  ///< the answer that a single thread gives, or the failure that the job is there for
  wrong,  ///< another answer, or something left behind
  failed, ///< an error; whether it is an honest one is the harness's to say
};

struct verdict {
  std::uint32_t number = 0;
  outcome what = outcome::wrong;
  std::string code = "-"; ///< of a failure: a salamander::errc
  std::string text;
};

struct program_ready {};
struct program_unready {
  std::string code;
  std::string text;
};
struct job_begun {
  std::uint32_t number = 0;
};
struct program_stopped {};
using program_event = std::variant<program_ready, program_unready, job_begun, verdict, program_stopped>;

std::string to_line(const job_request& request);
std::string to_line(const program_event& event);
/// Nothing for a line of another form.
std::optional<job_request> read_request(const std::string& line);
std::optional<program_event> read_event(const std::string& line);

} // namespace chaos
