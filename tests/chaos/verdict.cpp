#include "verdict.hpp"

#include <sstream>

namespace chaos {
namespace {

constexpr const char* outcomes[] = {"right", "wrong", "failed"};

std::string in_one_line(std::string text) {
  for (auto& c : text)
    if (c == '\n' || c == '\r')
      c = ' ';
  return text;
}

std::string rest_of(std::istringstream& in) {
  std::string text;
  in >> std::ws;
  std::getline(in, text);
  return text;
}

struct writer {
  std::string operator()(const program_ready&) const {
    return "ready";
  }
  std::string operator()(const program_unready& event) const {
    return "unready " + event.code + " " + in_one_line(event.text);
  }
  std::string operator()(const job_begun& event) const {
    return "begin " + std::to_string(event.number);
  }
  std::string operator()(const verdict& event) const {
    return "end " + std::to_string(event.number) + " " + outcomes[static_cast<std::size_t>(event.what)] + " " + event.code + " " +
           in_one_line(event.text);
  }
  std::string operator()(const program_stopped&) const {
    return "stopped";
  }
};

} // namespace

std::string to_line(const job_request& request) {
  return "run " + std::to_string(request.number) + " " + std::to_string(request.seed) + " " + request.job;
}

std::string to_line(const program_event& event) {
  return std::visit(writer{}, event);
}

std::optional<job_request> read_request(const std::string& line) {
  std::istringstream in(line);
  std::string word;
  job_request made;
  if (in >> word >> made.number >> made.seed >> made.job && word == "run")
    return made;
  return std::nullopt;
}

std::optional<program_event> read_event(const std::string& line) {
  std::istringstream in(line);
  std::string word;
  in >> word;
  if (word == "ready")
    return program_ready{};
  if (word == "stopped")
    return program_stopped{};
  if (word == "unready") {
    program_unready made;
    in >> made.code;
    made.text = rest_of(in);
    return made;
  }
  if (word == "begin") {
    job_begun made;
    if (in >> made.number)
      return made;
  }
  if (word == "end") {
    verdict made;
    std::string how;
    if (!(in >> made.number >> how >> made.code))
      return std::nullopt;
    made.text = rest_of(in);
    for (std::size_t i = 0; i < std::size(outcomes); ++i)
      if (how == outcomes[i]) {
        made.what = static_cast<outcome>(i);
        return made;
      }
  }
  return std::nullopt;
}

} // namespace chaos
