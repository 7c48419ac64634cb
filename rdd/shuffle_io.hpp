// Both ends of a shuffle: rows scattered over reduce partitions on one side, gathered in map order on the other.
#pragma once

#include <salamander/rdd/key_partitioner.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>

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
  row_scatter(std::uint32_t partitions, task_context& context, const char* operation)
      : parts_(partitions), characters_(std::make_shared<arena>()), context_(context), operation_(operation) {}

  arena& characters() noexcept {
    return *characters_;
  }
  void add(std::uint32_t partition, Row&& row) {
    parts_[partition].push_back(std::move(row));
  }
  row_vector<Row>& part(std::uint32_t partition) noexcept {
    return parts_[partition];
  }
  /// Once a batch: reserves what has grown. Errors: errc::out_of_memory.
  void account(std::size_t rows_added) {
    rows_ += rows_added;
    const auto now = rows_ * sizeof(Row) + characters_->memory_bytes();
    if (now > reserved_) {
      const auto ahead = now + now / 4;
      context_.reserve(ahead - reserved_, operation_);
      reserved_ = ahead;
    }
  }
  void commit(shuffle_id shuffle, std::uint32_t map_partition) {
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
    context_.release(reserved_);
    reserved_ = 0;
    context_.services.commit_map_output(shuffle, map_partition, context_.task_attempt, std::move(blocks));
  }

private:
  std::vector<row_vector<Row>> parts_;
  std::shared_ptr<arena> characters_;
  task_context& context_;
  const char* operation_;
  std::size_t rows_ = 0;
  std::size_t reserved_ = 0;
};

/// The map side of operations that send every record: keyed rows to where the partitioner says.
template <pair_record In>
void scatter_pairs(const node& dataset, std::size_t which, std::uint32_t partition, task_context& context,
                   const key_partitioner<row_t<kept_t<key_of<In>>>>& partitioner) {
  using row_type = keyed_row_t<In>;
  const auto& edge = dataset.dependencies[which];
  auto input = static_cast<const typed_node<In>&>(*edge.parent).read(partition, context);
  row_scatter<row_type> scatter(dataset.partitions, context, "a shuffle");
  std::vector<row_type> rows;
  std::vector<std::uint32_t> targets;
  for (batch<In> in; input->next(in);) {
    context.poll();
    rows.clear();
    in.for_each([&](auto&& record) { rows.push_back(to_row(std::forward<decltype(record)>(record), scatter.characters())); });
    targets.resize(rows.size());
    partitioner.assign(&rows.front().first, sizeof(row_type), rows.size(), targets.data());
    for (std::size_t i = 0; i < rows.size(); ++i)
      scatter.add(targets[i], std::move(rows[i]));
    scatter.account(rows.size());
  }
  scatter.commit(edge.shuffle, partition);
}

/// All rows of one reduce partition, block by block in order of map partition; a narrow parent counts as one block.
/// Memory: blocks that came from other processes, and rows of narrow parents, are reserved for the task.
template <class Row, class In>
std::vector<block_rows<Row>> gather_rows(const node& dataset, std::size_t which, std::uint32_t partition, task_context& context) {
  std::vector<block_rows<Row>> all;
  const auto& edge = dataset.dependencies[which];
  if (edge.wide()) {
    auto input = context.services.open_shuffle(edge.shuffle, partition, context.cancelled);
    while (auto block = input->next()) {
      context.poll();
      if (!block.object)
        context.reserve(block.size_bytes() * 2, "reading a shuffle");
      all.emplace_back(std::move(block));
    }
    return all;
  }
  auto input = static_cast<const typed_node<In>&>(*edge.parent).read(partition, context);
  block_builder<Row> builder;
  std::size_t reserved = 0;
  for (batch<In> in; input->next(in);) {
    context.poll();
    in.for_each([&](auto&& record) { builder.add_row(std::forward<decltype(record)>(record)); });
    if (builder.approximate_bytes() > reserved) {
      context.reserve(builder.approximate_bytes() - reserved, "reading a partition by key");
      reserved = builder.approximate_bytes();
    }
  }
  all.emplace_back(block{builder.finish(), nullptr});
  return all;
}

} // namespace salamander::core
