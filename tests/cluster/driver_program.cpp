// A driver that ends in the way its first argument says; its second is the directory it may use.
#include <salamander/salamander.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

void work(salamander::context& sc) {
  if (sc.range(0, 1000, 1, 4).count() != 1000)
    std::abort();
  std::string line;
  for (const auto& executor : sc.executors())
    line += (line.empty() ? "" : " ") + std::to_string(executor.process);
  std::puts(line.c_str());
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  salamander::init(argc, argv);
  const std::string how = argc > 2 ? argv[1] : "";
  const auto settings = salamander::config{}.set_master("local-cluster[2,1,256]").set("salamander.local.dir", argc > 2 ? argv[2] : "");
  if (how == "leak") {
    work(*std::make_unique<salamander::context>(settings).release());
    return 3;
  }
  if (how == "static") {
    static salamander::context sc(settings);
    work(sc);
    return 0;
  }
  salamander::context sc(settings);
  work(sc);
  if (how == "exit")
    std::exit(7);
  if (how == "wait")
    ::sleep(60);
  sc.stop();
  return 0;
}
