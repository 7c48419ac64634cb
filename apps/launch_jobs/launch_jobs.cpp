// Launches a program several times, here or on a cluster, and shows how they get on: what a scheduler of batch jobs is made of.
#include <salamander/salamander.hpp>

#include <CLI/CLI.hpp>

#include <iostream>
#include <vector>

namespace sal = salamander;

int main(int argc, char** argv) {
  CLI::App line("Launches a program several times and shows how they get on", "launch_jobs");
  std::string master = "local[2]";
  std::string credentials;
  int times = 2;
  bool on_cluster = false;
  bool supervise = false;
  std::vector<std::string> settings;
  std::vector<std::string> files;
  line.add_option("--master", master, "local[N], local-cluster[n,cores,MiB] or salamander://host:port")->capture_default_str();
  line.add_option("--credentials", credentials, "the folder \"client\" that salamander keygen made");
  line.add_option("--times", times, "how often, all at once")->capture_default_str()->check(CLI::PositiveNumber);
  auto* const there = line.add_flag("--on-cluster", on_cluster, "workers run the drivers");
  line.add_flag("--supervise", supervise, "start a driver again when it does not end well")->needs(there);
  line.add_option("--conf", settings, "a setting, key=value; may be repeated")->allow_extra_args(false);
  line.add_option("--file", files, "for all tasks; may be repeated")->allow_extra_args(false);
  line.prefix_command();
  CLI11_PARSE(line, argc, argv);
  const auto program = line.remaining();
  if (program.empty()) {
    std::cerr << "name the program: launch_jobs [options] PROGRAM [arguments]\n";
    return 2;
  }

  try {
    sal::launcher launcher;
    launcher.set_application(program.front()).set_master(master);
    launcher.add_arguments({program.begin() + 1, program.end()});
    launcher.set_deploy_mode(on_cluster ? sal::deploy_mode::cluster : sal::deploy_mode::client);
    launcher.set_supervise(supervise);
    if (!credentials.empty())
      launcher.set_credentials(credentials);
    for (const auto& setting : settings) {
      const auto equals = setting.find('=');
      if (equals == std::string::npos)
        throw sal::error(sal::errc::invalid_argument, "--conf " + setting + " is not key=value");
      launcher.set_conf(setting.substr(0, equals), setting.substr(equals + 1));
    }
    for (const auto& file : files)
      launcher.add_file(file);

    std::vector<sal::launched_application> all;
    for (int i = 1; i <= times; ++i)
      all.push_back(launcher.set_name("job " + std::to_string(i)).start());
    bool well = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto& job = all[i];
      while (!job.wait_for(std::chrono::seconds(1))) {
        const auto now = job.progress();
        std::cerr << "job " << i + 1 << ' ' << sal::to_string(job.state()) << ' ' << job.application_id() << ": " << now.jobs_done
                  << " jobs done, " << now.tasks_done << " of " << now.tasks_total << " tasks\n";
      }
      std::cout << "job " << i + 1 << ' ' << sal::to_string(job.state()) << " (" << job.reason() << ")\n" << job.output();
      if (job.state() != sal::launch_state::finished) {
        std::cerr << job.errors();
        well = false;
      }
    }
    return well ? 0 : 1;
  } catch (const sal::error& failure) {
    std::cerr << "launch_jobs: " << failure.what() << '\n';
    return 1;
  }
}
