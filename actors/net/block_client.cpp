#include <salamander/actors/net/block_client.hpp>

#include <salamander/actors/net/block_pool.hpp>

namespace salamander::actors::net {
namespace {

/// More than one task thread per peer rarely keeps more.
constexpr std::size_t idle_connections_max = 4;

} // namespace

unique_fd block_client::pool::take(std::uint32_t peer) {
  const std::lock_guard lock(mutex_);
  const auto found = idle_.find(peer);
  if (found == idle_.end() || found->second.empty())
    return {};
  auto taken = std::move(found->second.back());
  found->second.pop_back();
  return taken;
}

void block_client::pool::give_back(std::uint32_t peer, unique_fd connection) {
  const std::lock_guard lock(mutex_);
  auto& idle = idle_[peer];
  if (idle.size() < idle_connections_max)
    idle.push_back(std::move(connection));
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
