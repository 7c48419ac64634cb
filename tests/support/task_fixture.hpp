// The process around a task, faked: nodes run in one thread without an engine, over blocks that a test holds.
#pragma once

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/key_partitioner.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/sources.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <map>

namespace fake {

using namespace salamander;
using namespace salamander::core;

inline byte_buffer encoded(const block_object& object) {
  byte_buffer bytes;
  object.encode(bytes);
  return bytes;
}

/// The block as another process would see it.
inline block as_bytes(const block& local) {
  return {nullptr, std::make_shared<const byte_buffer>(encoded(*local.object))};
}

template <class T>
block block_of(const std::vector<T>& records) {
  block_builder<T> builder;
  for (const auto& record : records)
    builder.add(record);
  return {builder.finish(), nullptr};
}

/// Keeps what tasks hand in and gives it back; `remote` makes every block arrive as bytes.
class services final : public task_services {
public:
  std::map<std::pair<rdd_id, std::uint32_t>, block> sources;
  std::map<shuffle_id, std::map<std::uint32_t, std::vector<std::shared_ptr<const block_object>>>> outputs;
  std::map<std::pair<shuffle_id, std::uint32_t>, std::uint64_t> fingerprints; ///< those taken on the way
  bool remote = false;
  bool compares = false;
  std::size_t budget = std::numeric_limits<std::size_t>::max();
  std::size_t reserved = 0;

  block find_cached(rdd_id, std::uint32_t) override {
    return {};
  }
  bool store_cached(rdd_id, std::uint32_t, std::shared_ptr<const block_object>) override {
    return false;
  }
  void commit_map_output(shuffle_id shuffle, std::uint32_t map_partition, std::uint64_t,
                         std::vector<std::shared_ptr<const block_object>> blocks, std::uint64_t fingerprint) override {
    fingerprints[{shuffle, map_partition}] = fingerprint;
    outputs[shuffle].emplace(map_partition, std::move(blocks));
  }
  bool compares_map_outputs() const noexcept override {
    return compares;
  }
  std::unique_ptr<shuffle_input> open_shuffle(shuffle_id shuffle, std::uint32_t reduce_partition, const std::atomic<bool>&) override {
    auto input = std::make_unique<held_input>();
    for (const auto& [map_partition, blocks] : outputs[shuffle])
      if (blocks.at(reduce_partition))
        input->blocks.push_back(arriving({blocks[reduce_partition], nullptr}));
    return input;
  }
  block fetch_source(rdd_id dataset, std::uint32_t partition) override {
    return arriving(sources.at({dataset, partition}));
  }
  bool reserve_memory(std::size_t bytes) override {
    if (bytes > budget - reserved)
      return false;
    reserved += bytes;
    return true;
  }
  void release_memory(std::size_t bytes) noexcept override {
    reserved -= bytes;
  }

private:
  struct held_input final : shuffle_input {
    std::vector<block> blocks;
    std::size_t at = 0;
    block next() override {
      return at == blocks.size() ? block{} : blocks[at++];
    }
  };
  block arriving(const block& held) const {
    return remote ? as_bytes(held) : held;
  }
};

/// One attempt at partition `partition`, with batches of at most `batch_limit` records (0: as large as they get).
class task {
public:
  explicit task(services& around, std::size_t batch_limit = 0, std::uint32_t partition = 0)
      : context(around, position, 0, partition, 0, 1, batch_limit) {}

  task_position position;
  core::task_context context;
  lineage dataset; ///< for what wants one
};

inline dependency narrow(std::shared_ptr<const lineage> parent) {
  dependency edge;
  edge.parent = std::move(parent);
  return edge;
}

inline dependency wide(std::shared_ptr<const lineage> parent, std::uint32_t shuffle) {
  dependency edge;
  edge.parent = std::move(parent);
  edge.how = dependency::kind::wide;
  edge.shuffle.value = shuffle;
  return edge;
}

inline node_header header(std::uint32_t id, std::string operation, std::uint32_t partitions, std::vector<dependency> dependencies = {}) {
  node_header made;
  made.id.value = id;
  made.operation = std::move(operation);
  made.site = {"program.cpp", 10 + id};
  made.partitions = partitions;
  made.dependencies = std::move(dependencies);
  return made;
}

/// A dataset whose partitions are the given records.
template <class T>
std::shared_ptr<const driver_data_node<T>> source(services& held, std::uint32_t id, const std::vector<std::vector<T>>& partitions) {
  for (std::uint32_t p = 0; p < partitions.size(); ++p)
    held.sources[{rdd_id{id}, p}] = block_of(partitions[p]);
  return std::make_shared<driver_data_node<T>>(header(id, "parallelize", static_cast<std::uint32_t>(partitions.size())));
}

/// All records of a partition as owned values.
template <class T>
std::vector<owned_t<T>> drain(stream<T>& input) {
  std::vector<owned_t<T>> all;
  for (batch<T> in; input.next(in);) {
    REQUIRE(in.size > 0);
    in.for_each([&](auto&& record) { all.push_back(to_owned<owned_t<T>>(std::forward<decltype(record)>(record))); });
  }
  return all;
}

template <class T>
std::vector<owned_t<T>> records_of(const typed_node<T>& dataset, core::task_context& context) {
  return drain(*dataset.read(context.partition_index, context));
}

/// The code of the salamander::error that `action` throws; errc::count_ when it throws none.
template <class Action>
errc code_of(Action&& action, std::string* text = nullptr) {
  try {
    action();
  } catch (const error& failure) {
    if (text)
      *text = failure.what();
    return failure.code();
  }
  return errc::count_;
}

} // namespace fake
