// The command line tool: salamander master | worker | submit | status | kill | logs | keygen | version.
#include "commands.hpp"

#include <salamander/rdd/error.hpp>

#include <iostream>

namespace salamander::tool {
namespace {

/// The parser only says that a command is missing when the first word is none.
void check_command(const CLI::App& tool, const std::string& word) {
  std::string known;
  for (const auto* one : tool.get_subcommands([](const CLI::App*) { return true; })) {
    if (one->get_name() == word)
      return;
    known += (known.empty() ? "" : ", ") + one->get_name();
  }
  if (!word.starts_with('-'))
    throw CLI::ValidationError("there is no command \"" + word + "\"; there are " + known);
}

} // namespace

void add_version(CLI::App& tool, int& exit_code) {
  tool.add_subcommand("version", "Print the version")->callback([&exit_code] {
    std::cout << "salamander " SALAMANDER_VERSION "\n";
    exit_code = exit_done;
  });
}

} // namespace salamander::tool

int main(int argc, char** argv) {
  using namespace salamander::tool;
  CLI::App tool("Salamander: data processing that survives faults", "salamander");
  tool.require_subcommand(1);
  tool.set_version_flag("--version", "salamander " SALAMANDER_VERSION);
  int exit_code = exit_done;
  add_master(tool, exit_code);
  add_worker(tool, exit_code);
  add_submit(tool, exit_code);
  add_status(tool, exit_code);
  add_kill(tool, exit_code);
  add_logs(tool, exit_code);
  add_keygen(tool, exit_code);
  add_version(tool, exit_code);
  try {
    if (argc > 1)
      check_command(tool, argv[1]);
    tool.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& wrong) {
    return tool.exit(wrong) == 0 ? exit_done : exit_usage;
  } catch (const salamander::error& failure) {
    std::cerr << "salamander: " << failure.what() << '\n';
  } catch (const std::exception& failure) {
    std::cerr << "salamander: " << failure.what() << '\n';
  }
  return exit_failed;
}
