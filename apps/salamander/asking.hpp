// What the subcommands that ask a cluster share.
#pragma once

#include "commands.hpp"

#include <salamander/actors/cluster/submitter.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace salamander::tool {

/// How long subcommands ask a cluster that does not answer.
inline constexpr std::chrono::seconds answer_max{30};

/// A note to who waits.
void say_trouble(const std::string& why);

struct asked_cluster {
  std::string master;
  std::string credentials;
};

/// --master and --credentials, with what the configuration says as defaults.
void add_cluster_options(CLI::App& command, asked_cluster& into);

/// Whether a driver is over for good.
bool is_over(scheduler::cluster::driver_state state) noexcept;

/// Errors: CLI::ValidationError when it is not said which cluster or with what credentials.
std::unique_ptr<actors::submitter> line_to(const asked_cluster& where);

} // namespace salamander::tool
