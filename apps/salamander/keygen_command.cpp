#include "commands.hpp"

#include <salamander/actors/certificates.hpp>

#include <fmt/format.h>

#include <memory>

namespace salamander::tool {
namespace {

struct keygen_options {
  std::string directory;
  std::string client;
};

int make_keys(const keygen_options& asked) {
  if (!asked.client.empty()) {
    actors::add_client_credentials(asked.directory, asked.client);
    fmt::print("{0}/{1}: credentials for one more submitter; copy the folder to where programs are submitted, and set\n"
               "  SALAMANDER_CREDENTIALS=<the folder>\n",
               asked.directory, asked.client);
    return exit_done;
  }
  actors::make_cluster_credentials(asked.directory);
  fmt::print("{0}: credentials of a new cluster\n"
             "  {0}/node    copy to each master and worker:  salamander master --credentials <the folder> ...\n"
             "  {0}/client  copy to who submits programs:    SALAMANDER_CREDENTIALS=<the folder>\n"
             "  {0}/ca.key  keep it safe and off the cluster: it makes further clients (keygen --client NAME {0})\n"
             "Whoever has one of these folders can run programs on the cluster. All files are private (mode 0600).\n",
             asked.directory);
  return exit_done;
}

} // namespace

void add_keygen(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<keygen_options>();
  auto* const command = tool.add_subcommand("keygen", "Make the credentials of a cluster");
  command->footer("Example: salamander keygen ~/my-cluster");
  command->add_option("directory", asked->directory, "a new directory for them, or with --client the one that was made before")->required();
  command->add_option("--client", asked->client, "make a folder of this name for one more submitter");
  command->callback([asked, &exit_code] { exit_code = make_keys(*asked); });
}

} // namespace salamander::tool
