// Both ends of a shuffle: rows scattered over reduce partitions on one side, gathered in map order on the other.
#pragma once

#include <salamander/rdd/key_partitioner.hpp>
#include <salamander/rdd/memory_claim.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/weight.hpp>

namespace salamander::core {

template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

/// A record with a key: std::pair.
template <class T>
concept pair_record = is_pair<T>;

template <pair_record T>
using key_of = typename T::first_type;
template <pair_record T>
using value_of = typename T::second_type;

/// How a keyed record lies in a shuffle block.
template <pair_record T>
using keyed_row_t = std::pair<row_t<kept_t<key_of<T>>>, row_t<kept_t<value_of<T>>>>;

/// Distributes rows over the reduce partitions of one map task, and commits them as its output.
template <class Row>
class row_scatter {
public:
  row_scatter(const lineage& dataset, task_context& context, const char* operation)
      : dataset_(dataset), parts_(dataset.partitions), characters_(std::make_shared<arena>()), context_(context),
        claim_(context, dataset, operation) {}

  arena& characters() noexcept {
    return *characters_;
  }
  memory_claim& claim() noexcept {
    return claim_;
  }
  void add(std::uint32_t partition, Row&& row) {
    meter_new(beside_, row);
    parts_[partition].push_back(std::move(row));
  }
  row_vector<Row>& part(std::uint32_t partition) noexcept {
    return parts_[partition];
  }
  /// Once a batch: reserves what has grown. Errors: errc::out_of_memory.
  void account(std::size_t rows_added) {
    rows_ += rows_added;
    // The parts grow by doubling, each at its own time: on average half as much again is room.
    claim_.hold(rows_ * sizeof(Row) + rows_ * sizeof(Row) / 2 + characters_->memory_bytes() + beside_.bytes());
  }
  /// `fingerprint`: see task_services::commit_map_output.
  void commit(shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t fingerprint = 0) {
    std::size_t rows = 0;
    for (const auto& part : parts_)
      rows += part.size();
    std::vector<std::shared_ptr<const block_object>> blocks(parts_.size());
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      if (parts_[p].empty())
        continue;
      auto block = std::make_shared<record_block<Row>>();
      block->character_bytes = characters_->memory_bytes() * parts_[p].size() / rows;
      block->rows = std::move(parts_[p]);
      block->characters = characters_;
      blocks[p] = std::move(block);
    }
    claim_.clear();
    described(dataset_, context_, rows, [&] {
      context_.services.commit_map_output(shuffle, map_partition, context_.task_attempt, std::move(blocks), fingerprint);
    });
  }

private:
  const lineage& dataset_;
  std::vector<row_vector<Row>> parts_;
  std::shared_ptr<arena> characters_;
  task_context& context_;
  memory_claim claim_;
  growth_meter beside_; ///< what rows hold beside themselves and the arena
  std::size_t rows_ = 0;
};

/// The map side of operations that send every record: keyed rows to where the partitioner says.
template <pair_record In>
void scatter_pairs(const node& dataset, std::size_t which, std::uint32_t partition, task_context& context,
                   const key_partitioner<row_t<kept_t<key_of<In>>>>& partitioner) {
  using row_type = keyed_row_t<In>;
  const auto& edge = dataset.dependencies[which];
  auto input = static_cast<const typed_node<In>&>(*edge.parent).read(partition, context);
  row_scatter<row_type> scatter(dataset, context, "a shuffle");
  std::vector<row_type> rows;
  std::vector<std::uint32_t> targets;
  // Taken here, where rows have just been made, and not from the blocks, for which they had to be brought near once more.
  fingerprint_builder<row_type> contents;
  fingerprint_builder<std::uint32_t> places;
  const bool compared = context.services.compares_map_outputs();
  std::uint64_t records = 0;
  for (batch<In> in; input->next(in);) {
    context.poll();
    enter(context, dataset, records);
    rows.clear();
    in.for_each([&](auto&& record) { rows.push_back(to_row(std::forward<decltype(record)>(record), scatter.characters())); });
    targets.resize(rows.size());
    described(dataset, context, records, [&] {
      partitioner.assign_from({partition, records}, &rows.front().first, sizeof(row_type), rows.size(), targets.data());
    });
    if (compared) {
      contents.add(rows.data(), rows.size());
      places.add(targets.data(), targets.size());
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
      scatter.add(targets[i], std::move(rows[i]));
    scatter.account(rows.size());
    records += rows.size();
  }
  const bool known = compared && contents.value() != 0;
  scatter.commit(edge.shuffle, partition, known ? mix(contents.value(), places.value() | 1) : 0);
}

/// Rows as they lie in blocks, and the memory that is theirs: rows decoded from other processes' blocks, rows of a narrow parent.
template <class Row>
struct gathered_rows {
  std::vector<block_rows<Row>> blocks;
  memory_claim claim;

  std::size_t size() const noexcept {
    std::size_t rows = 0;
    for (const auto& block : blocks)
      rows += block.size();
    return rows;
  }
};

/// Reads one more block of a shuffle; false at its end. What is wrong with it is told with the place and the record before it.
template <class Row>
bool read_next(shuffle_input& input, const lineage& dataset, task_context& context, std::uint64_t record,
               std::vector<block_rows<Row>>& blocks) {
  context.poll();
  return described(dataset, context, record, [&] {
    auto next = input.next();
    if (!next)
      return false;
    blocks.emplace_back(std::move(next));
    return true;
  });
}

/// All rows of one reduce partition, block by block in order of map partition; a narrow parent counts as one block.
template <class Row, class In>
gathered_rows<Row> gather_rows(const node& dataset, std::size_t which, std::uint32_t partition, task_context& context) {
  const auto& edge = dataset.dependencies[which];
  gathered_rows<Row> all{{}, {context, dataset, edge.wide() ? "reading a shuffle" : "reading a partition by key"}};
  if (edge.wide()) {
    auto input = context.services.open_shuffle(edge.shuffle, partition, context.cancelled);
    for (std::uint64_t records = 0; read_next(*input, dataset, context, records, all.blocks); records += all.blocks.back().size())
      all.claim.add(all.blocks.back().decoded_bytes());
    return all;
  }
  auto input = static_cast<const typed_node<In>&>(*edge.parent).read(partition, context);
  block_builder<Row> builder;
  for (batch<In> in; input->next(in);) {
    context.poll();
    all.claim.hold(builder.bytes_while_adding(in.size));
    in.for_each([&](auto&& record) { builder.add_row(std::forward<decltype(record)>(record)); });
  }
  all.blocks.emplace_back(block{builder.finish(), nullptr});
  all.claim.hold(all.blocks.back().held_bytes());
  return all;
}

} // namespace salamander::core
