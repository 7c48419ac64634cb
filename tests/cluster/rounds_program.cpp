// An iterative job over a cached dataset and a shuffle, whose map tasks write down what they compute: one line in the file for each
// partition, each time.
//
//   cluster_rounds FILE ROUNDS PAUSE_MS PARTITIONS [IDLE_MS]      IDLE_MS: without a job, after half of the rounds
#include <salamander/salamander.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

namespace sal = salamander;

namespace {

/// A path that travels with a function.
struct file_name {
  explicit file_name(std::string_view path) {
    if (path.size() >= sizeof text)
      throw std::runtime_error("the path is too long");
    std::copy(path.begin(), path.end(), text);
  }
  char text[256] = {};
};

void write_down(const file_name& path, const std::string& what, std::uint32_t partition) {
  const auto line = what + ' ' + std::to_string(partition) + '\n';
  const int file = ::open(path.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const bool written = file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (file >= 0)
    ::close(file);
  if (!written)
    throw std::runtime_error(std::string("cannot write to ") + path.text);
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);
  if (argc != 5 && argc != 6)
    return 2;
  const int rounds = std::stoi(argv[2]);
  const int pause = std::stoi(argv[3]);
  const auto partitions = static_cast<std::uint32_t>(std::stoul(argv[4]));
  const int idle = argc == 6 ? std::stoi(argv[5]) : 0;
  try {
    const file_name path(argv[1]);
    sal::context sc;
    const auto cached = sc.range(0, 10000, 1, partitions)
                            .map_partitions_with_index([path](std::uint32_t partition, auto numbers) {
                              write_down(path, "cached", partition);
                              std::vector<std::int64_t> all;
                              for (const auto number : numbers)
                                all.push_back(number * 3);
                              return all;
                            })
                            .cache();
    const auto sums = cached
                          .map_partitions_with_index([path](std::uint32_t partition, auto numbers) {
                            write_down(path, "mapped", partition);
                            std::vector<std::pair<std::int64_t, std::int64_t>> all;
                            for (const auto number : numbers)
                              all.emplace_back(number % 97, number);
                            return all;
                          })
                          .reduce_by_key(std::plus<>{}, partitions);
    for (int round = 0; round < rounds; ++round) {
      if (idle > 0 && round == rounds / 2) {
        std::cout << "idle" << std::endl;
        std::this_thread::sleep_for(std::chrono::milliseconds(idle));
        std::cout << "at work again" << std::endl;
      }
      const auto slowly = [pause](std::int64_t number) {
        if (number % 300 == 0)
          std::this_thread::sleep_for(std::chrono::milliseconds(pause));
        return number;
      };
      const auto kept = cached.map(slowly).reduce(std::plus<>{});
      const auto summed = sums.values().reduce(std::plus<>{});
      if (kept != 149985000 || summed != 149985000)
        throw std::runtime_error("the sums are " + std::to_string(kept) + " and " + std::to_string(summed));
      std::cout << "tasks of round " << round << " done" << std::endl;
    }
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << std::endl;
    return 1;
  }
  return 0;
}
