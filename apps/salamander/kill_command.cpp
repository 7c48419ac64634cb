#include "asking.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace salamander::tool {
namespace {

struct options {
  asked_cluster where;
  std::string id;
  std::string reason = "salamander kill";
  bool json = false;
};

int run(const options& asked) {
  if (asked.id.empty())
    throw CLI::ValidationError("kill", "please specify a submission to kill: the id of a driver (driver-...) or application (app-...)");
  const auto said = line_to(asked.where)->kill(asked.id, asked.reason);
  if (asked.json)
    fmt::print("{}\n", nlohmann::json{{"id", asked.id}, {"message", said}}.dump());
  else
    fmt::print("{}\n", said);
  return exit_done;
}

} // namespace

void add_kill(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("kill", "End a driver or an application of a cluster");
  add_cluster_options(*command, asked->where);
  command->add_option("id", asked->id, "of a driver (driver-...) or application (app-...)");
  command->add_option("--reason", asked->reason, "what its user is told");
  command->add_flag("--json", asked->json, "for scripts");
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
