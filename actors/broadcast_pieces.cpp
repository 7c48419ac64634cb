#include <salamander/actors/broadcast_pieces.hpp>

#include <salamander/actors/block_service.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/hash.hpp>
#include <salamander/storage/crc32c.hpp>

#include <algorithm>
#include <numeric>

namespace salamander::actors {
namespace {

using storage::block_id;
using bytes_pointer = std::shared_ptr<const core::byte_buffer>;

/// The piece that is a text, of a value that was destroyed.
constexpr std::uint32_t grave = 0xffffffff;

std::uint32_t pieces_of(std::uint64_t bytes) {
  return static_cast<std::uint32_t>((bytes + broadcast_piece_bytes - 1) / broadcast_piece_bytes);
}

} // namespace

void cut_broadcast(block_service& blocks, std::uint32_t broadcast, const core::byte_buffer& bytes) {
  for (std::uint32_t piece = 0; piece < pieces_of(bytes.size()); ++piece) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(piece * broadcast_piece_bytes);
    const auto size = std::min<std::size_t>(broadcast_piece_bytes, static_cast<std::size_t>(bytes.end() - first));
    blocks.store().put(block_id::broadcast(broadcast, piece),
                       to_stored(std::make_shared<const core::byte_buffer>(first, first + static_cast<std::ptrdiff_t>(size))));
  }
}

void bury_broadcast(block_service& blocks, std::uint32_t broadcast, const std::string& text) {
  const auto* from = reinterpret_cast<const std::byte*>(text.data());
  blocks.store().drop_all(storage::block_kind::broadcast, broadcast);
  blocks.store().put(block_id::broadcast(broadcast, grave), to_stored(std::make_shared<const core::byte_buffer>(from, from + text.size())));
}

void forget_grave(block_service& blocks, std::uint32_t broadcast) {
  blocks.store().drop(block_id::broadcast(broadcast, grave));
}

broadcast_gathering::broadcast_gathering(block_service& blocks, std::uint32_t broadcast, std::uint64_t bytes,
                                         std::span<const std::uint32_t> peers, const std::atomic<bool>* cancelled)
    : blocks_(blocks), broadcast_(broadcast), bytes_(bytes), pieces_(pieces_of(bytes)), peers_(peers.begin(), peers.end()),
      cancelled_(cancelled), chance_(core::mix(blocks.self() + 1, broadcast + 1)) {
  std::erase(peers_, blocks.self());
}

std::size_t broadcast_gathering::size_of(std::uint32_t number) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(broadcast_piece_bytes, bytes_ - std::uint64_t{number} * broadcast_piece_bytes));
}

bytes_pointer broadcast_gathering::gather() {
  std::vector<std::uint32_t> order(pieces_);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t i = pieces_; i > 1; --i) {
    chance_ = core::mix(chance_, i);
    std::swap(order[i - 1], order[chance_ % i]);
  }
  std::vector<bytes_pointer> pieces(pieces_);
  for (const auto number : order)
    pieces[number] = piece(number);
  if (pieces_ == 1)
    return pieces.front();
  auto all = std::make_shared<core::byte_buffer>();
  all->reserve(bytes_);
  for (const auto& one : pieces)
    all->insert(all->end(), one->begin(), one->end());
  return all;
}

bytes_pointer broadcast_gathering::piece(std::uint32_t number) {
  const auto id = block_id::broadcast(broadcast_, number);
  if (auto here = blocks_.find_here(id))
    return here.bytes;
  auto fetched = from_anywhere(number);
  // What was fetched is accounted for already, as long as somebody has it.
  blocks_.store().put(id, {fetched, nullptr, 0, storage::crc32c(*fetched)});
  return fetched;
}

bytes_pointer broadcast_gathering::from_anywhere(std::uint32_t number) {
  std::vector<std::uint32_t> holders = peers_;
  if (!holders.empty()) {
    chance_ = core::mix(chance_, number);
    std::rotate(holders.begin(), holders.begin() + static_cast<std::ptrdiff_t>(chance_ % holders.size()), holders.end());
  }
  holders.insert(pieces_ == 1 || holders.empty() ? holders.begin() : holders.begin() + 1, driver_peer);
  for (const auto holder : holders)
    if (auto fetched = ask(holder, number)) {
      ++(holder == driver_peer ? from_driver_ : from_peers_);
      return fetched;
    }
  core::throw_error(errc::executor_lost, block_id::broadcast(broadcast_, number).text() + " can be had neither from the driver nor from " +
                                             std::to_string(holders.size() - 1) + " other executors: " + last_problem_);
}

/// Null: this one cannot give it.
bytes_pointer broadcast_gathering::ask(std::uint32_t holder, std::uint32_t number) {
  const auto id = block_id::broadcast(broadcast_, number);
  const bool driver = holder == driver_peer;
  try {
    auto got = driver ? blocks_.fetch(holder, id, cancelled_) : blocks_.fetch_or_move_on(holder, id, cancelled_);
    if (got.bytes && got.bytes->size() == size_of(number))
      return got.bytes;
    last_problem_ = id.text() + " has another size than it should have";
  } catch (const net::fetch_error& failure) {
    if (failure.problem == net::fetch_problem::out_of_memory)
      core::throw_error(errc::out_of_memory, std::string("fetching a broadcast value: ") + failure.what());
    if (failure.problem == net::fetch_problem::unreachable && !driver)
      std::erase(peers_, holder);
    if (driver || last_problem_.empty())
      last_problem_ = failure.what();
    if (failure.problem == net::fetch_problem::not_found && driver)
      refuse_if_destroyed();
  }
  return nullptr;
}

void broadcast_gathering::refuse_if_destroyed() {
  std::string text;
  try {
    const auto left = blocks_.fetch(driver_peer, block_id::broadcast(broadcast_, grave), cancelled_);
    if (left.bytes)
      text.assign(reinterpret_cast<const char*>(left.bytes->data()), left.bytes->size());
  } catch (const net::fetch_error&) {
    return; // it was not destroyed; the piece is lost
  }
  core::throw_error(errc::destroyed, text);
}

} // namespace salamander::actors
