// The application under test: makes a context from the configuration it finds and runs the jobs it is asked for.
#include "jobs/job.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace {

using namespace chaos;

void say(const program_event& event) {
  std::puts(to_line(event).c_str());
  std::fflush(stdout);
}

/// The code's text as one word.
std::string word_for(salamander::errc code) {
  std::string word(to_string(code));
  std::replace(word.begin(), word.end(), ' ', '_');
  return word;
}

verdict run(salamander::context& sc, const job_request& request, const job_places& places) {
  const auto job = find_job(request.job);
  if (!job)
    return {request.number, outcome::wrong, "-", "there is no such job: " + request.job};
  try {
    auto problem = job(sc, request, places);
    return {request.number, problem.empty() ? outcome::right : outcome::wrong, "-", std::move(problem)};
  } catch (const salamander::error& failure) {
    return {request.number, outcome::failed, word_for(failure.code()), failure.what()};
  } catch (const std::exception& failure) {
    return {request.number, outcome::wrong, "-", std::string("an exception that is no salamander::error: ") + failure.what()};
  }
}

int serve(const job_places& places) {
  salamander::context sc;
  say(program_ready{});
  for (std::string line; std::getline(std::cin, line) && line != "stop";) {
    const auto request = read_request(line);
    if (!request)
      return 2;
    say(job_begun{request->number});
    say(run(sc, *request, places));
  }
  sc.stop();
  say(program_stopped{});
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s INPUT_DIRECTORY OUTPUT_DIRECTORY; started by the chaos harness\n", argv[0]);
    return 2;
  }
  try {
    return serve({argv[1], argv[2]});
  } catch (const salamander::error& failure) {
    say(program_unready{word_for(failure.code()), failure.what()});
    return 3;
  }
}
