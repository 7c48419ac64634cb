// Shows where the tasks of a job run: on which machine, in which executor's process, and what each of them worked on.
#include <salamander/apps/common/program.hpp>

#include <salamander/salamander.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>

namespace sal = salamander;

namespace {

/// One task, as it saw itself. Travels as it is.
struct visit {
  std::string host;
  std::int64_t process = 0;
  std::uint32_t partition = 0;
  std::int64_t sum = 0;
};

/// An address of this machine that others can reach; of one without a network, the loopback's.
std::string own_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0)
    return "?";
  std::string found = "127.0.0.1";
  for (const auto* one = all; one; one = one->ifa_next) {
    char text[NI_MAXHOST];
    if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET && (one->ifa_flags & IFF_LOOPBACK) == 0 &&
        ::getnameinfo(one->ifa_addr, sizeof(sockaddr_in), text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) {
      found = text;
      break;
    }
  }
  ::freeifaddrs(all);
  return found;
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::uint64_t tasks = 16;
  std::uint64_t pause = 50;
  std::uint64_t rounds = 1;
  app::program program("cluster_tour", "Shows where the tasks of a job run, and checks what they computed together.");
  program.option("--tasks", tasks, 1, "tasks of each stage")
      .option("--pause", pause, 0, "milliseconds that each task of the first stage takes")
      .option("--rounds", rounds, 1, "how often the job runs");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    const auto last = static_cast<std::int64_t>(tasks);
    std::int64_t total = 0;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const auto visits = sc.range(0, last, 1, tasks)
                              .map([pause](std::int64_t number) {
                                std::this_thread::sleep_for(std::chrono::milliseconds(pause));
                                return std::pair(number % 7, number);
                              })
                              .reduce_by_key(std::plus<>{}, tasks)
                              .map_partitions_with_index([](std::uint32_t partition, auto sums) {
                                visit here{own_address(), ::getpid(), partition, 0};
                                for (const auto& [key, sum] : sums)
                                  here.sum += sum;
                                return std::vector<visit>{here};
                              })
                              .collect();
      std::map<std::pair<std::string, std::int64_t>, std::string> places;
      total = 0;
      for (const auto& one : visits) {
        places[{one.host, one.process}] += ' ' + std::to_string(one.partition);
        total += one.sum;
      }
      if (total != last * (last - 1) / 2)
        throw std::runtime_error("the sum is " + std::to_string(total) + ", not " + std::to_string(last * (last - 1) / 2));
      if (!program.json())
        for (const auto& [place, tasks_there] : places)
          std::cout << place.first << "  process " << place.second << "  tasks" << tasks_there << std::endl;
    }
    return app::report{watch.seconds(), 0, app::exact(static_cast<std::uint64_t>(total))};
  });
}
