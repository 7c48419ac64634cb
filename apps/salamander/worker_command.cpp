#include "commands.hpp"

#include <salamander/actors/cluster/worker_process.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/rdd/config.hpp>
#include <salamander/scheduler/cluster/master.hpp>

#include <memory>

namespace salamander::tool {
namespace {

struct options {
  std::string master;
  std::string host;
  std::uint32_t cores = 0;
  std::string memory;
  std::string work_directory;
  std::string credentials;
  std::string client_credentials;
  std::string ready_file;
  std::string log_level = "info";
  std::string grace = "30s";
  std::string log_part_bytes = "1m";
  std::uint32_t log_parts = 5;
  std::string kept_for = "7d";
  bool keep_files = false;
};

/// Smaller parts would be a file for each line.
constexpr std::uint64_t log_part_bytes_min = 4096;

int run(const options& asked) {
  actors::set_log_name("worker");
  actors::set_log_level(actors::parse_log_level(asked.log_level));
  actors::worker_options made;
  made.masters = asked.master;
  made.host = asked.host;
  made.cores = asked.cores;
  made.memory_bytes = asked.memory.empty() ? 0 : core::parse_bytes("--memory", asked.memory);
  made.work_directory = asked.work_directory;
  made.credentials = asked.credentials;
  made.client_credentials = asked.client_credentials;
  made.ready_file = asked.ready_file;
  made.grace = core::parse_time("--grace", asked.grace);
  made.log_part_bytes_max = core::parse_bytes("--log-size", asked.log_part_bytes);
  if (made.log_part_bytes_max < log_part_bytes_min)
    throw CLI::ValidationError("--log-size", "must be 4k at least, not " + asked.log_part_bytes);
  made.log_parts_max = asked.log_parts;
  made.kept_for = std::chrono::duration_cast<std::chrono::seconds>(core::parse_time("--keep-logs", asked.kept_for));
  made.clean_after_exit = !asked.keep_files;
  return actors::run_worker(made);
}

} // namespace

void add_worker(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("worker", "Run a worker of a cluster, in the foreground until SIGTERM");
  command->footer("SIGTERM hands over what runs here within the grace and ends with exit code 0; a second one ends at once.\n"
                  "Example: salamander worker salamander://10.0.0.1:7077 --credentials keys/node --cores 8 --memory 32g");
  command->add_option("master", asked->master, "salamander://host:port[,host:port...]")->envname("SALAMANDER_MASTER")->required();
  command->add_option("--host", asked->host, "the address at which others reach executors here (default: the one towards the master)")
      ->envname("SALAMANDER_WORKER_HOST");
  command->add_option("-c,--cores", asked->cores, "cores to offer (default: all)")
      ->envname("SALAMANDER_WORKER_CORES")
      ->check(whole_number(1, scheduler::cluster::master_limits::cores));
  command->add_option("-m,--memory", asked->memory, "memory to offer (default: what there is, less 1g)")
      ->envname("SALAMANDER_WORKER_MEMORY");
  command->add_option("-d,--work-dir", asked->work_directory, "programs, scratch files and logs (default: ./salamander-worker)")
      ->envname("SALAMANDER_WORKER_DIR");
  command->add_option("--credentials", asked->credentials, "the folder \"node\" that keygen made")->envname("SALAMANDER_CREDENTIALS");
  command
      ->add_option("--client-credentials", asked->client_credentials,
                   "the folder \"client\", for drivers that are submitted to run here (default: the one beside the node's)")
      ->envname("SALAMANDER_CLIENT_CREDENTIALS");
  command->add_option("--ready-file", asked->ready_file, "a file that says so while the worker is part of a cluster")
      ->envname("SALAMANDER_WORKER_READY_FILE");
  command->add_option("--log-level", asked->log_level, "trace, debug, info, warn, error or off")
      ->envname("SALAMANDER_WORKER_LOG_LEVEL")
      ->capture_default_str();
  command->add_option("--grace", asked->grace, "time for what runs here when the worker is asked to end")
      ->envname("SALAMANDER_WORKER_GRACE")
      ->capture_default_str();
  command->add_option("--log-size", asked->log_part_bytes, "size of one part of a log of an executor or driver")
      ->envname("SALAMANDER_WORKER_LOG_SIZE")
      ->capture_default_str();
  command->add_option("--log-parts", asked->log_parts, "parts that are kept of each log")
      ->envname("SALAMANDER_WORKER_LOG_PARTS")
      ->check(whole_number(1, scheduler::cluster::no_limit))
      ->capture_default_str();
  command->add_option("--keep-logs", asked->kept_for, "how long logs of ended applications are kept")
      ->envname("SALAMANDER_WORKER_KEEP_LOGS")
      ->capture_default_str();
  command->add_flag("--keep-files", asked->keep_files, "keep what an executor leaves in its directory")
      ->envname("SALAMANDER_WORKER_KEEP_FILES");
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
