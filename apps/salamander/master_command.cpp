#include "commands.hpp"

#include <salamander/actors/cluster/master_process.hpp>
#include <salamander/actors/log.hpp>

#include <limits>
#include <memory>

namespace salamander::tool {
namespace {

struct options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7077;
  std::string credentials;
  std::string recovery;
  std::string ready_file;
  std::string log_level = "info";
  std::string order = "FIFO";
  bool pack = false;
  std::uint32_t default_cores = scheduler::cluster::no_limit;
  std::uint32_t executor_retries = 10;
  std::uint32_t drivers_max = 1000;
  std::uint32_t worker_timeout = 15;
};

int run(const options& asked) {
  actors::set_log_name("master");
  actors::set_log_level(actors::parse_log_level(asked.log_level));
  actors::master_options made;
  made.here = {asked.host, asked.port};
  made.credentials = asked.credentials;
  made.recovery = asked.recovery;
  made.ready_file = asked.ready_file;
  made.settings.applications =
      asked.order == "FAIR" ? scheduler::cluster::master_settings::order::fair : scheduler::cluster::master_settings::order::fifo;
  made.settings.spread_out = !asked.pack;
  made.settings.default_cores = asked.default_cores;
  made.settings.executor_retries = asked.executor_retries;
  made.settings.drivers_max = asked.drivers_max;
  made.settings.worker_dead_after = std::chrono::seconds(asked.worker_timeout);
  return actors::run_master(made);
}

} // namespace

void add_master(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("master", "Run a master of a cluster, in the foreground until SIGTERM");
  command->footer("Several masters with one recovery directory: one leads, the others stand by.\n"
                  "Example: salamander master --host 10.0.0.1 --credentials keys/node --recovery-dir /shared/salamander");
  command->add_option("--host", asked->host, "the address to listen at")->envname("SALAMANDER_MASTER_HOST")->capture_default_str();
  command->add_option("-p,--port", asked->port, "the port to listen at; 0: any")
      ->envname("SALAMANDER_MASTER_PORT")
      ->check(whole_number(0, std::numeric_limits<std::uint16_t>::max()))
      ->capture_default_str();
  command->add_option("--credentials", asked->credentials, "the folder \"node\" that keygen made")->envname("SALAMANDER_CREDENTIALS");
  command
      ->add_option("--recovery-dir", asked->recovery,
                   "where the state is kept, shared by all masters; without it a restart forgets submitted drivers")
      ->envname("SALAMANDER_MASTER_RECOVERY_DIR");
  command->add_option("--ready-file", asked->ready_file, "a file that says so while the master leads or stands by")
      ->envname("SALAMANDER_MASTER_READY_FILE");
  command->add_option("--log-level", asked->log_level, "trace, debug, info, warn, error or off")
      ->envname("SALAMANDER_MASTER_LOG_LEVEL")
      ->capture_default_str();
  command
      ->add_option("--application-order", asked->order, "FIFO: the first application gets all it wants; FAIR: cores are shared out evenly")
      ->envname("SALAMANDER_MASTER_APPLICATION_ORDER")
      ->check(CLI::IsMember({"FIFO", "FAIR"}))
      ->capture_default_str();
  command->add_flag("--pack", asked->pack, "fill one worker after the other, instead of spreading applications over them")
      ->envname("SALAMANDER_MASTER_PACK");
  command
      ->add_option("--default-cores", asked->default_cores, "cores of an application that does not set salamander.cores.max (default: all)")
      ->envname("SALAMANDER_MASTER_DEFAULT_CORES")
      ->check(whole_number(1, scheduler::cluster::no_limit));
  command->add_option("--max-executor-retries", asked->executor_retries, "failed starts in a row after which an application is ended")
      ->envname("SALAMANDER_MASTER_MAX_EXECUTOR_RETRIES")
      ->check(whole_number(0, scheduler::cluster::no_limit))
      ->capture_default_str();
  command->add_option("--max-drivers", asked->drivers_max, "submitted drivers that are not over; more are refused")
      ->envname("SALAMANDER_MASTER_MAX_DRIVERS")
      ->check(whole_number(0, scheduler::cluster::no_limit))
      ->capture_default_str();
  command->add_option("--worker-timeout", asked->worker_timeout, "seconds of silence after which a worker counts as dead")
      ->envname("SALAMANDER_MASTER_WORKER_TIMEOUT")
      ->check(whole_number(4, 3600))
      ->capture_default_str();
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
