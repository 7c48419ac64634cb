#include <salamander/actors/net/block_client.hpp>

#include <salamander/actors/net/block_pool.hpp>

#include <poll.h>

namespace salamander::actors::net {
namespace {

/// More than one task thread per peer rarely keeps more.
constexpr std::size_t idle_connections_max = 4;
constexpr std::chrono::milliseconds look_interval{500};

/// Nothing is outstanding on an idle connection, so whatever there is to read is its end, or nonsense.
bool ended(const block_line& connection) {
  pollfd look{connection.socket(), POLLIN, 0};
  return ::poll(&look, 1, 0) != 0;
}

} // namespace

block_line block_client::pool::take(std::uint32_t peer) {
  const std::lock_guard lock(mutex_);
  const auto found = idle_.find(peer);
  if (found == idle_.end() || found->second.empty())
    return {};
  auto taken = std::move(found->second.back());
  found->second.pop_back();
  return taken;
}

void block_client::pool::give_back(std::uint32_t peer, block_line connection, time_point now) {
  const std::lock_guard lock(mutex_);
  close_ended(now);
  auto& idle = idle_[peer];
  if (idle.size() < idle_connections_max)
    idle.push_back(std::move(connection));
}

void block_client::pool::close_ended(time_point now) {
  if (now - looked_ < look_interval)
    return;
  looked_ = now;
  for (auto& [peer, connections] : idle_)
    std::erase_if(connections, ended);
  std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
}

std::size_t block_client::pool::idle() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [peer, connections] : idle_)
    count += connections.size();
  return count;
}

void block_client::pool::forget(std::uint32_t peer) {
  const std::lock_guard lock(mutex_);
  idle_.erase(peer);
}

block_client::block_client(client_options options) : pool_(std::make_unique<pool>(std::move(options))) {}
block_client::~block_client() = default;

const client_options& block_client::options() const noexcept {
  return *pool_->options;
}

} // namespace salamander::actors::net
