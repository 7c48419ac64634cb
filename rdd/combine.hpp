// reduce_by_key and its family: combining on the map side in one flat table per task, merging on the reduce side in map order.
#pragma once

#include <salamander/rdd/combine_table.hpp>
#include <salamander/rdd/invoke.hpp>
#include <salamander/rdd/shuffle_io.hpp>
#include <salamander/rdd/weight.hpp>

namespace salamander::core {

/// Reduces values of one key with a binary function.
template <class V, class F>
struct reduce_aggregator : composed<reduce_aggregator<V, F>, F> {
  using combined_type = V;

  template <class X>
  V create(X&& value) const {
    return to_owned<V>(std::forward<X>(value));
  }
  template <class X>
  void merge_value(V& into, X&& value) const {
    const F& f = std::get<0>(this->parts);
    if constexpr (std::is_same_v<std::remove_cvref_t<X>, V>)
      merge_in(f, into, std::forward<X>(value));
    else
      merge_in(f, into, to_owned<V>(std::forward<X>(value)));
  }
  void merge_combined(V& into, const V& other) const {
    merge_value(into, other);
  }
};

/// The general form: create a combiner from a value, merge a value into it, merge two combiners.
template <class V, class C, class Create, class MergeValue, class MergeCombined>
struct general_aggregator : composed<general_aggregator<V, C, Create, MergeValue, MergeCombined>, Create, MergeValue, MergeCombined> {
  using combined_type = C;

  template <class X>
  C create(X&& value) const {
    return std::get<0>(this->parts)(to_owned<V>(std::forward<X>(value)));
  }
  template <class X>
  void merge_value(C& into, X&& value) const {
    merge_in(std::get<1>(this->parts), into, to_owned<V>(std::forward<X>(value)));
  }
  void merge_combined(C& into, const C& other) const {
    merge_in(std::get<2>(this->parts), into, other);
  }
};

/// aggregate_by_key and fold_by_key: every key starts from a copy of one zero value.
template <class V, class C, class MergeValue, class MergeCombined>
struct zero_aggregator : composed<zero_aggregator<V, C, MergeValue, MergeCombined>, carried<C>, MergeValue, MergeCombined> {
  using combined_type = C;

  template <class X>
  C create(X&& value) const {
    C into = carried_value(std::get<0>(this->parts));
    merge_value(into, std::forward<X>(value));
    return into;
  }
  template <class X>
  void merge_value(C& into, X&& value) const {
    merge_in(std::get<1>(this->parts), into, to_owned<V>(std::forward<X>(value)));
  }
  void merge_combined(C& into, const C& other) const {
    merge_in(std::get<2>(this->parts), into, other);
  }
};

/// Hands out the combined entries of a finished table, with keys as owned values.
template <class KeyRow, class Key, class C>
class entries_stream final : public stream<std::pair<Key, C>> {
  using out_type = std::pair<Key, C>;
  using entry_type = std::pair<KeyRow, C>;

public:
  /// `keep`: what the entries' keys point into.
  entries_stream(std::vector<entry_type> entries, std::shared_ptr<const void> keep, task_context& context)
      : entries_(std::move(entries)), keep_(std::move(keep)), context_(context), limit_(context.batch_size<out_type>()) {
    if constexpr (!std::is_same_v<entry_type, out_type>)
      buffer_.resize(std::min(limit_, entries_.size()));
  }

  bool next(batch<out_type>& out) override {
    context_.poll();
    const auto count = std::min(limit_, entries_.size() - at_);
    if (count == 0)
      return false;
    if constexpr (std::is_same_v<entry_type, out_type>) {
      out = {entries_.data() + at_, count, nullptr, true};
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        assign_owned(buffer_[i].first, entries_[at_ + i].first);
        buffer_[i].second = std::move(entries_[at_ + i].second);
      }
      // Keys are written over, not moved out of, so that their memory is reused; heavy values may be taken.
      out = {buffer_.data(), count, nullptr, !is_plain<C> && !std::is_same_v<C, std::string>};
    }
    at_ += count;
    return true;
  }

private:
  std::vector<entry_type> entries_;
  std::shared_ptr<const void> keep_;
  task_context& context_;
  std::size_t limit_;
  std::vector<out_type> buffer_;
  std::size_t at_ = 0;
};

/// One combined value for each key. Shape: m partitions of pair<K, V> -> n partitions of pair<K, C>, each key once.
template <pair_record In, class Aggregator>
class combine_node final : public typed_node<std::pair<kept_t<key_of<In>>, typename Aggregator::combined_type>> {
  using key_type = kept_t<key_of<In>>;
  using key_row = row_t<key_type>;
  using combined = typename Aggregator::combined_type;
  using out_type = std::pair<key_type, combined>;
  using table_type = combine_table<key_row, combined>;
  using row_type = typename table_type::entry_type;

public:
  combine_node(node_header&& header, Aggregator aggregator, std::shared_ptr<const key_partitioner<key_row>> partitioner)
      : typed_node<out_type>(std::move(header)), aggregator_(std::move(aggregator)), partitioner_(std::move(partitioner)) {}
  combine_node(node_header&& header, byte_reader& in)
      : typed_node<out_type>(std::move(header)), aggregator_(read_closure<Aggregator>(in)), partitioner_(read_partitioner<key_row>(in)) {}

  code_token token() const override {
    return node_token<combine_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, aggregator_);
    write_partitioner(out, *partitioner_);
  }

  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    table_type table;
    auto keep = std::make_shared<kept_memory>(context, *this);
    std::size_t beside = 0;
    if (this->dependencies[0].wide())
      beside = merge(p, context, table, *keep);
    else
      beside = combine(p, context, table, keep->characters, keep->claim);
    table.drop_index();
    keep->claim.hold(table.memory_bytes() + beside);
    return std::make_unique<entries_stream<key_row, key_type, combined>>(std::move(table.entries()), std::move(keep), context);
  }

  void write_map_output(std::size_t, std::uint32_t partition, task_context& context) const override {
    table_type table;
    row_scatter<row_type> scatter(*this, context, operation);
    const auto beside = combine(partition, context, table, scatter.characters(), scatter.claim());
    table.drop_index();
    auto& entries = table.entries();
    scatter.claim().hold(table.memory_bytes() * (this->partitions == 1 ? 1 : 2) + beside);
    if (this->partitions == 1) {
      scatter.part(0) = std::move(entries);
    } else if (!entries.empty()) {
      std::vector<std::uint32_t> targets(entries.size());
      described(*this, context, 0, [&] { partitioner_->assign(&entries.front().first, sizeof(row_type), entries.size(), targets.data()); });
      std::vector<std::size_t> sizes(this->partitions);
      for (const auto target : targets)
        ++sizes[target];
      for (std::uint32_t i = 0; i < this->partitions; ++i)
        scatter.part(i).reserve(sizes[i]);
      for (std::size_t i = 0; i < entries.size(); ++i)
        scatter.part(targets[i]).push_back(std::move(entries[i]));
      std::vector<row_type>().swap(entries);
    }
    scatter.commit(this->dependencies[0].shuffle, partition);
  }

private:
  /// How many records before its turn an entry is asked for; the hashes behind the batch's end are stale and harmless.
  static constexpr std::size_t ahead = 8;

  static constexpr const char* operation = "combining by key";

  struct kept_memory {
    kept_memory(task_context& context, const lineage& dataset)
        : claim(context, dataset, operation), decoded(context, dataset, "reading a shuffle") {}
    memory_claim claim;
    memory_claim decoded;
    arena characters;
    std::vector<block_rows<row_type>> blocks;
  };

  /// Reads the parent's partition and combines as it goes. Returns what `claim` holds beside the table.
  std::size_t combine(std::uint32_t partition, task_context& context, table_type& table, arena& characters, memory_claim& claim) const {
    auto input = this->template parent<In>(0).read(partition, context);
    growth_meter values;
    std::uint64_t records = 0;
    std::vector<std::uint64_t> hashes(batch_capacity<In> + ahead);
    for (batch<In> in; input->next(in);) {
      context.poll();
      enter(context, *this, records);
      claim.hold(table.bytes_while_adding(in.size) + characters.memory_bytes() + values.bytes());
      std::size_t seen = 0;
      try {
        in.for_each([&](auto&& record) {
          hashes[seen] = hash_value(record.first);
          table.prefetch_slot(hashes[seen++]);
        });
        seen = 0;
        in.for_each([&](auto&& record) {
          table.prefetch_entry(hashes[seen + ahead]);
          table.upsert(
              record.first, hashes[seen],
              [&] {
                row_type made(to_row(std::forward<decltype(record)>(record).first, characters),
                              aggregator_.create(std::forward<decltype(record)>(record).second));
                meter_new(values, made.second);
                return made;
              },
              [&](combined& value) {
                metered(values, value,
                        [&](combined& into) { aggregator_.merge_value(into, std::forward<decltype(record)>(record).second); });
              });
          ++seen;
        });
      } catch (...) {
        rethrow_described(*this, context, records + seen);
      }
      records += in.size;
    }
    const auto beside = characters.memory_bytes() + values.bytes();
    claim.hold(table.memory_bytes() + beside);
    return beside;
  }

  /// Merges the map outputs of one reduce partition. Keys stay where they are: the blocks are kept. Returns what keep's claim holds
  /// beside the table.
  std::size_t merge(std::uint32_t p, task_context& context, table_type& table, kept_memory& keep) const {
    auto input = context.services.open_shuffle(this->dependencies[0].shuffle, p, context.cancelled);
    growth_meter values;
    std::uint64_t records = 0;
    while (read_next(*input, *this, context, records, keep.blocks)) {
      enter(context, *this, records);
      keep.decoded.add(keep.blocks.back().decoded_bytes());
      std::size_t seen = 0;
      try {
        const auto& rows = keep.blocks.back();
        constexpr std::size_t part = 256;
        std::uint64_t hashes[part + ahead] = {};
        for (std::size_t first = 0; first < rows.size(); first += part) {
          const auto count = std::min(part, rows.size() - first);
          keep.claim.hold(table.bytes_while_adding(count) + values.bytes());
          for (std::size_t i = 0; i < count; ++i) {
            hashes[i] = hash_value(rows.data()[first + i].first);
            table.prefetch_slot(hashes[i]);
          }
          for (std::size_t i = 0; i < count; ++i, ++seen) {
            const auto& row = rows.data()[first + i];
            table.prefetch_entry(hashes[i + ahead]);
            table.upsert(
                row.first, hashes[i],
                [&] {
                  meter_new(values, row.second);
                  return row;
                },
                [&](combined& value) { metered(values, value, [&](combined& into) { aggregator_.merge_combined(into, row.second); }); });
          }
        }
      } catch (...) {
        rethrow_described(*this, context, records + seen);
      }
      records += seen;
    }
    return values.bytes();
  }

  Aggregator aggregator_;
  std::shared_ptr<const key_partitioner<key_row>> partitioner_;
};

} // namespace salamander::core
