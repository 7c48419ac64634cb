#include <salamander/actors/block_service.hpp>

#include <salamander/actors/net/block_line.hpp>
#include <salamander/actors/net/block_server.hpp>
#include <salamander/storage/crc32c.hpp>

#include <algorithm>

namespace salamander::actors {
namespace {

/// How long one of several holders of a block may be silent.
constexpr std::chrono::milliseconds move_on_after{1000};

core::block fetch_by(net::block_client& client, std::uint32_t peer, const storage::block_id& id, const std::atomic<bool>* cancelled,
                     net::block_spoiler* spoiler) {
  try {
    net::block_fetcher fetcher(client, {{id, peer, spoiler}}, cancelled);
    return {nullptr, fetcher.next()};
  } catch (const net::fetch_cancelled&) {
    throw core::task_cancelled();
  }
}

} // namespace

void encode_block_object(const void* object, core::byte_buffer& out) {
  static_cast<const core::block_object*>(object)->encode(out);
}

storage::stored_block to_stored(std::shared_ptr<const core::block_object> object) {
  const auto bytes = object ? object->memory_bytes() : 0;
  return {std::move(object), &encode_block_object, bytes};
}

storage::stored_block to_stored(std::shared_ptr<const core::byte_buffer> bytes) {
  const auto size = bytes ? bytes->capacity() : 0;
  std::optional<std::uint32_t> checksum;
  if (bytes)
    checksum = storage::crc32c(*bytes);
  return {std::move(bytes), nullptr, size, checksum};
}

core::block to_block(const storage::stored_block& stored) {
  if (!stored.object)
    return {};
  if (stored.encode)
    return {std::static_pointer_cast<const core::block_object>(stored.object), nullptr};
  return {nullptr, std::static_pointer_cast<const core::byte_buffer>(stored.object)};
}

bool is_intact(const storage::stored_block& stored) {
  return !stored.checksum || storage::crc32c(*static_cast<const core::byte_buffer*>(stored.object.get())) == *stored.checksum;
}

block_service::block_service(const executor_options& options)
    : self_(options.executor), memory_(std::make_shared<accounted_store>(options.memory_bytes)), kept_(options.on_warning) {
  if (options.socket_directory.empty())
    return;
  net::client_options client;
  client.directory = options.peer_directory.empty() ? options.socket_directory : options.peer_directory;
  if (options.tls)
    book_ = std::make_shared<net::peer_book>(options.tls);
  client.peers = book_;
  client.bytes_in_flight_max = options.fetch_bytes_in_flight_max;
  client.attempts_max = options.fetch_attempts_max;
  client.retry_wait = options.fetch_retry_wait;
  client.silence_max = options.fetch_silence_max;
  client.reserve_memory = [memory = memory_](std::uint64_t bytes) { return memory->store.reserve(bytes); };
  client.release_memory = [memory = memory_](std::uint64_t bytes) { memory->store.release(bytes); };
  auto impatient = client;
  impatient.attempts_max = 1;
  impatient.silence_max = std::min(client.silence_max, move_on_after);
  // What is moved here from a leaving executor must not push out what is here.
  auto taking_over = client;
  taking_over.reserve_memory = [memory = memory_](std::uint64_t bytes) {
    return memory->memory.try_acquire(storage::memory_use::execution, bytes);
  };
  taking_over_client_ = std::make_unique<net::block_client>(std::move(taking_over));
  client_ = std::make_unique<net::block_client>(std::move(client));
  impatient_client_ = std::make_unique<net::block_client>(std::move(impatient));
  net::server_options server{options.socket_directory, options.executor};
  if (options.tls && !options.host.empty()) {
    server.tls = options.tls;
    server.here = {options.host, 0};
  }
  server_ = std::make_unique<net::block_server>(server, memory_->store);
}

block_service::~block_service() {
  server_.reset();
  // Pieces that were fetched are accounted for by the store that holds them, and keep it: they go first.
  broadcasts_.clear();
}

peer_place block_service::place() const {
  const auto where = server_ ? server_->where() : net::address{};
  return {self_, where.host, where.port};
}

void block_service::meet(const std::vector<peer_place>& peers) {
  if (book_)
    for (const auto& one : peers)
      book_->put(one.peer, {one.host, one.port});
}

std::shared_ptr<const core::byte_buffer> block_service::account(std::shared_ptr<const core::byte_buffer> bytes) {
  const auto size = bytes->size();
  if (!memory_->store.reserve(size))
    core::throw_error(errc::out_of_memory, "a block of " + std::to_string(size) +
                                               " bytes that lies in a file does not fit the memory budget; use more partitions or raise "
                                               "salamander.executor.memory (salamander.driver.memory in local mode)");
  const auto* const held = bytes.get();
  return {held, [memory = memory_, size, bytes = std::move(bytes)](const core::byte_buffer*) mutable {
            bytes.reset();
            memory->store.release(size);
          }};
}

core::block block_service::find_here(const storage::block_id& id) {
  const auto found = store().find(id);
  if (!found)
    return {};
  if (!is_intact(*found)) {
    store().discard(id);
    return {};
  }
  return to_block(*found);
}

core::block block_service::fetch(std::uint32_t peer, const storage::block_id& id, const std::atomic<bool>* cancelled,
                                 net::block_spoiler* spoiler) {
  return fetch_by(*client_, peer, id, cancelled, spoiler);
}

core::block block_service::fetch_or_move_on(std::uint32_t peer, const storage::block_id& id, const std::atomic<bool>* cancelled) {
  return fetch_by(*impatient_client_, peer, id, cancelled, nullptr);
}

} // namespace salamander::actors
