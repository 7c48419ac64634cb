// What an executor takes over from one that leaves: as actors/block_mover does, in virtual time.
#include "executor_model.hpp"

#include <salamander/storage/crc32c.hpp>

namespace salamander::sim {

using scheduler::move_outcome;
using storage::block_id;
using storage::put_outcome;

void executor_model::take_over(executor_id from, const scheduler::moving_block& what) {
  const auto holder = process_of(from);
  if (what.is_map_output) {
    const auto outline_id = block_id::outline(what.owner, what.partition);
    fetch_for_move(what.move, {{outline_id, holder}}, [this, what, holder, outline_id](const block_exchange::blocks& found) {
      const auto outline = found[0] ? storage::decode_outline(*found[0]) : std::nullopt;
      if (!outline || outline->attempt != what.made_by.value)
        return moved(what.move, move_outcome::not_found);
      std::vector<block_exchange::request> requests;
      for (std::uint32_t reduce = 0; reduce < outline->has_records.size(); ++reduce)
        if (outline->has_records[reduce])
          requests.push_back({block_id::shuffle(what.owner, what.partition, reduce), holder});
      requests.push_back({outline_id, holder});
      fetch_for_move(what.move, std::move(requests),
                     [this, what, outline](const block_exchange::blocks& fetched) { keep_moved_output(what, *outline, fetched); });
    });
    return;
  }
  const auto id = block_id::cached(what.owner, what.partition);
  const auto ordered_at = store_.drops();
  if (store_.find(id))
    return moved(what.move, move_outcome::moved);
  fetch_for_move(what.move, {{id, holder}}, [this, what, id, ordered_at](const block_exchange::blocks& found) {
    if (!found[0])
      return moved(what.move, move_outcome::failed);
    const auto outcome =
        store_.put(id, {found[0], nullptr, found[0]->size(), storage::crc32c(*found[0])}, ordered_at, storage::room::free_only);
    if (outcome == put_outcome::stored)
      note_cached(what.owner, what.partition);
    moved(what.move, outcome == put_outcome::refused ? move_outcome::no_room
                     : store_.find(id)               ? move_outcome::moved
                                                     : move_outcome::failed);
  });
}

/// The last of the fetched blocks is the outline again.
void executor_model::keep_moved_output(const scheduler::moving_block& what, const storage::map_outline& outline,
                                       const block_exchange::blocks& fetched) {
  const auto still = fetched.back() ? storage::decode_outline(*fetched.back()) : std::nullopt;
  if (!still || still->attempt != outline.attempt)
    return moved(what.move, move_outcome::failed);
  storage::map_output output{{}, nullptr, 0, outline.attempt, outline.fingerprint};
  output.blocks.resize(outline.has_records.size());
  output.checksums.resize(outline.has_records.size());
  for (std::size_t reduce = 0, next = 0; reduce < outline.has_records.size(); ++reduce)
    if (outline.has_records[reduce]) {
      const auto& block = fetched[next++];
      if (!block)
        return moved(what.move, move_outcome::failed);
      output.size_bytes += block->size();
      output.checksums[reduce] = storage::crc32c(*block);
      output.blocks[reduce] = block;
    }
  const auto outcome = store_.commit_map_output(what.owner, what.partition, std::move(output), storage::room::free_only);
  if (outcome == put_outcome::refused)
    return moved(what.move, move_outcome::no_room);
  note_map_output(what.owner, what.partition);
  const auto here = store_.find(block_id::outline(what.owner, what.partition));
  const auto kept = here ? storage::decode_outline(*static_cast<const byte_buffer*>(here->object.get())) : std::nullopt;
  moved(what.move, kept && kept->attempt == outline.attempt ? move_outcome::moved : move_outcome::failed);
}

void executor_model::fetch_for_move(std::uint64_t move, std::vector<block_exchange::request> requests,
                                    std::function<void(block_exchange::blocks)> then) {
  moves_[move] = world_.blocks.start(
      who_.self, std::move(requests),
      [this, move, then = std::move(then)](const block_exchange::blocks& found) {
        const auto keep = std::exchange(moves_[move], nullptr);
        then(found);
      },
      [this, move](const block_exchange::failure& why) {
        const auto keep = std::exchange(moves_[move], nullptr);
        moved(move, why.why == block_exchange::problem::not_found ? move_outcome::not_found : move_outcome::failed);
      });
}

void executor_model::moved(std::uint64_t move, move_outcome how) {
  world_.log.add(world_.now(), "block moved", move, who_.executor.value, static_cast<int>(how));
  moves_.erase(move);
  moved_.emplace_back(move, how);
  schedule_reports();
}

} // namespace salamander::sim
