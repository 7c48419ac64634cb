// A worker as the tests of workers start it: masters, credentials and a work directory; output goes where the test wants it.
#include <salamander/actors/cluster/worker_process.hpp>
#include <salamander/actors/log.hpp>

#include <signal.h>
#include <sys/prctl.h>

#include <cstdlib>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: worker_program MASTERS CREDENTIALS CLIENT-CREDENTIALS WORK-DIRECTORY READY-FILE GRACE-MS\n";
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // with the test, however it ends
  salamander::actors::set_log_level(salamander::actors::log_level::info);
  salamander::actors::worker_options options;
  options.masters = argv[1];
  options.credentials = argv[2];
  options.client_credentials = argv[3];
  options.work_directory = argv[4];
  options.ready_file = argv[5];
  options.grace = std::chrono::milliseconds(std::atoi(argv[6]));
  options.cores = 4;
  options.memory_bytes = 1ULL << 30;
  try {
    return salamander::actors::run_worker(options);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
