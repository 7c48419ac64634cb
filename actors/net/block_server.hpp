// The answering side of block transfer: serves the blocks of this process to others of the same user, and to those of its application
// on other machines.
#pragma once

#include <salamander/actors/net/addresses.hpp>
#include <salamander/storage/block_store.hpp>

#include <chrono>
#include <filesystem>
#include <memory>

namespace salamander::actors::net {

class tls_context;

struct server_options {
  std::filesystem::path directory;
  std::uint32_t peer = 0;                      ///< own number: names the socket
  std::uint32_t connections_max = 512;         ///< further ones are closed at once
  std::chrono::milliseconds stall_max{60000};  ///< for the rest of a request, and for a reader that takes nothing
  std::shared_ptr<const tls_context> tls = {}; ///< null: nobody of another machine is served, and no port is open
  address here = {};                           ///< of this machine, where those are served; port 0: any
};

/// Listens until destroyed. Two threads of its own encode typed blocks and move bytes. Each connection holds at most one
/// encoded block, which is accounted for in the store's memory.
/// Errors of the constructor: errc::io_error. Faults: malformed input closes its connection and nothing else.
class block_server {
public:
  block_server(server_options options, storage::block_store& store);
  block_server(const block_server&) = delete;
  block_server& operator=(const block_server&) = delete;
  ~block_server();

  /// Where processes of other machines are served; port 0: nowhere.
  address where() const;
  std::uint32_t connections() const noexcept;
  std::uint64_t refused_inputs() const noexcept; ///< connections closed because of what they sent, or of who sent it

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace salamander::actors::net
