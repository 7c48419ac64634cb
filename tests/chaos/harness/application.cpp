#include "harness/application.hpp"

#include "random.hpp"

#include <unistd.h>

#include <fstream>

namespace chaos {

run_places::run_places(const std::filesystem::path& run)
    : home(run), input(run / "in"), output(run / "out"), local(run / "local"), blocks(run / "blocks"), configuration(run / "conf") {
  for (const auto& one : {output, local, blocks})
    std::filesystem::remove_all(one); // of an earlier run in the same directory
  for (const auto& one : {input, output, local, blocks, configuration})
    std::filesystem::create_directories(one);
  // The runtime refuses to look for sockets where others may put theirs.
  std::filesystem::permissions(blocks, std::filesystem::perms::owner_all);
}

cluster_shape shape_of(std::uint64_t seed, std::uint32_t generation) {
  random_source random(derive(seed, "shape", generation));
  constexpr std::uint64_t memories[] = {64, 128, 256};
  cluster_shape made;
  made.executors = static_cast<std::uint32_t>(random.between(2, 4));
  made.cores = static_cast<std::uint32_t>(random.between(1, 2));
  made.memory_mib = memories[random.below(std::size(memories))];
  return made;
}

void start_application(scene& on, const run_places& places, const std::filesystem::path& driver, std::uint64_t seed,
                       std::uint32_t generation, std::uint16_t control_port, const std::filesystem::path& errors) {
  on.shape = shape_of(seed, generation);
  random_source random(derive(seed, "settings", generation));
  const bool impatient = random.chance(0.3);
  std::ofstream settings(places.configuration / "salamander-defaults.conf", std::ios::trunc);
  settings << "salamander.app.name chaos\n"
           << "salamander.master local-cluster[" << on.shape.executors << ',' << on.shape.cores << ',' << on.shape.memory_mib << "]\n"
           << "salamander.local.dir " << places.local.string() << '\n'
           << "salamander.log.level info\n"
           << "salamander.ui.showConsoleProgress false\n"
           << "salamander.testing.controlPort " << control_port << '\n'
           << "salamander.testing.blockDirectory " << places.blocks.string()
           << '\n'
           // Faults come faster here than in life, and a slot that waits for its window would look like one that does not recover.
           << "salamander.executor.maxRestarts 50\n";
  if (impatient)
    settings << "salamander.executor.heartbeatInterval 300ms\n"
             << "salamander.executor.suspectTimeout 1500ms\n"
             << "salamander.executor.deadTimeout 2500ms\n";
  settings.close();
  std::vector<std::string> environment;
  for (char** one = ::environ; *one; ++one)
    if (!std::string(*one).starts_with("SALAMANDER_"))
      environment.emplace_back(*one);
  environment.push_back("SALAMANDER_CONF_DIR=" + places.configuration.string());
  std::filesystem::remove(errors); // of an earlier run in the same directory
  on.driver = std::make_unique<program>(driver, std::vector{places.input.string(), places.output.string()}, environment, errors);
  on.expected_end = driver_end::none;
  on.keeper_killed = false;
}

} // namespace chaos
