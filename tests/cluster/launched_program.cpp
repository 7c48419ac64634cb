// An application to be launched, which ends in the way that its first argument says.
#include <salamander/actors/launch/launch_board.hpp>
#include <salamander/salamander.hpp>

#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace sal = salamander;

namespace {

int count(int argc, char** argv) {
  sal::context sc;
  std::printf("counted %lld\n", static_cast<long long>(sc.range(0, 1000, 1, 4).map([](std::int64_t x) { return x + 1; }).count()));
  if (argc > 3)
    std::puts(sc.range(0, 2, 1, 2)
                  .map(sal::bind_front(
                      [](const std::string& name, std::int64_t) {
                        std::ifstream in(sal::files::get(name));
                        return std::string(std::istreambuf_iterator<char>(in), {});
                      },
                      std::string(argv[3])))
                  .first()
                  .c_str());
  std::fprintf(stderr, "to errors\n");
  sc.stop();
  return argc > 2 ? std::atoi(argv[2]) : 0;
}

/// Ends only when its job is ended.
int work_on() {
  sal::context sc;
  std::puts("began");
  std::fflush(stdout);
  try {
    sc.range(0, 10'000, 1, 10'000)
        .map([](std::int64_t x) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          return x;
        })
        .count();
  } catch (const sal::error& failure) {
    std::printf("ended: %s\n", failure.code() == sal::errc::job_cancelled ? "cancelled" : failure.what());
    return 7;
  }
  return 0;
}

int never_end() {
  ::signal(SIGTERM, SIG_IGN);
  std::puts("deaf");
  std::fflush(stdout);
  for (;;)
    ::pause();
}

int print(int lines) {
  for (int i = 0; i < lines; ++i)
    std::printf("line %d\n", i);
  return 0;
}

/// After a while, so that its launcher may be gone by then.
int leave_mark(const char* path) {
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  std::ofstream(path) << "done";
  return 0;
}

/// Fails, and does not at the third time. The first one waits until its log is read, the others are over in a moment.
int third_time(const char* path) {
  std::ofstream(path, std::ios::app) << '.';
  const auto attempt = std::filesystem::file_size(path);
  std::printf("attempt %d\n", static_cast<int>(attempt));
  std::fflush(stdout);
  while (attempt == 1 && !std::filesystem::exists(std::string(path) + ".read"))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::printf("end of %d\n", static_cast<int>(attempt));
  return attempt < 3 ? 5 : 0;
}

int show_surroundings() {
  const char* const colour = std::getenv("COLOUR");
  std::printf("%s in %s as %s\n", colour ? colour : "none", std::filesystem::current_path().c_str(),
              sal::config{}.get("salamander.app.name", "nobody").c_str());
  return 0;
}

int fail_in_scope() {
  try {
    const sal::context sc;
    sc.range(0, 4).map([](std::int64_t) -> int { throw std::runtime_error("broken on purpose"); }).count();
  } catch (const sal::error&) {
    return 9;
  }
  return 0;
}

/// Says whether OpenSSL is there when watchers have to leave, at the end of the program.
class parting_look final : public salamander::actors::launch_watcher {
public:
  void run() override {}
  void leave() override {
    std::puts(::OPENSSL_init_crypto(0, nullptr) == 1 ? "in time" : "too late");
    std::fflush(stdout);
  }
};

/// First a launch that needs no connection, then another one that does.
int watch_to_the_end() {
  salamander::actors::launch_threads::instance().run(std::make_shared<parting_look>());
  return ::OPENSSL_init_ssl(0, nullptr) == 1 ? 0 : 1;
}

/// Launches this program on a cluster and leaves by the end of main: what the launcher still has ends after that.
int launch(const char* url, const char* credentials) {
  const auto app = sal::launcher{}
                       .set_application(std::filesystem::canonical("/proc/self/exe").string())
                       .add_arguments({"print", "1"})
                       .set_master(url)
                       .set_credentials(credentials)
                       .set_deploy_mode(sal::deploy_mode::cluster)
                       .set_driver_resources(1, 256U << 20)
                       .start();
  return app.wait() == sal::launch_state::finished ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);
  const std::string how = argc > 1 ? argv[1] : "";
  if (how == "count")
    return count(argc, argv);
  if (how == "work_on")
    return work_on();
  if (how == "never_end")
    return never_end();
  if (how == "print")
    return print(std::atoi(argv[2]));
  if (how == "mark")
    return leave_mark(argv[2]);
  if (how == "third_time")
    return third_time(argv[2]);
  if (how == "surroundings")
    return show_surroundings();
  if (how == "throw")
    return fail_in_scope();
  if (how == "watch")
    return watch_to_the_end();
  if (how == "launch")
    return launch(argv[2], argv[3]);
  return 99;
}
