// Starts the application under test with a configuration that follows from the seed.
#pragma once

#include "harness/scene.hpp"

namespace chaos {

/// The run's directories. All but `home` are emptied between applications.
struct run_places {
  explicit run_places(const std::filesystem::path& run);

  std::filesystem::path home;
  std::filesystem::path input;
  std::filesystem::path output;
  std::filesystem::path local;
  std::filesystem::path blocks;
  std::filesystem::path configuration;
};

/// The shape of the n-th application of a run.
cluster_shape shape_of(std::uint64_t seed, std::uint32_t generation);

/// Starts `driver`; its standard error goes to `errors`. Errors: std::system_error.
void start_application(scene& on, const run_places& places, const std::filesystem::path& driver, std::uint64_t seed,
                       std::uint32_t generation, std::uint16_t control_port, const std::filesystem::path& errors);

} // namespace chaos
