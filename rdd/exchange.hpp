// Records moved to other partitions as they are: partition_by, sort_by_key and repartition.
#pragma once

#include <salamander/rdd/ordering.hpp>
#include <salamander/rdd/shuffle_io.hpp>
#include <salamander/rdd/sort_prefix.hpp>

#include <algorithm>
#include <numeric>

namespace salamander::core {

/// Rows as owned records. The records are written over for the next batch, so nobody may move out of them: a moved-from string would
/// have to allocate again, where a kept one is only copied into.
template <class Row, class Out>
class row_output {
public:
  explicit row_output(std::size_t capacity) {
    buffer_.resize(capacity);
  }

  template <class Next>
  batch<Out> fill(std::size_t count, Next&& next) {
    for (std::size_t i = 0; i < count; ++i)
      assign_owned(buffer_[i], next());
    return {buffer_.data(), count, nullptr, false};
  }
  std::size_t capacity() const noexcept {
    return buffer_.size();
  }

private:
  row_vector<Out> buffer_;
};

/// All rows of a partition in map order.
template <class Row, class Out>
class rows_stream final : public stream<Out> {
public:
  rows_stream(gathered_rows<Row> rows, task_context& context) : rows_(std::move(rows)), context_(context) {
    std::size_t most = 0;
    for (const auto& block : rows_.blocks)
      most = std::max(most, block.size());
    if constexpr (!std::is_same_v<Row, Out>)
      output_.emplace(std::min(most, context.batch_size<Out>()));
  }

  bool next(batch<Out>& out) override {
    context_.poll();
    const auto& blocks = rows_.blocks;
    while (block_ < blocks.size() && at_ == blocks[block_].size()) {
      ++block_;
      at_ = 0;
    }
    if (block_ == blocks.size())
      return false;
    const auto& rows = blocks[block_];
    if constexpr (std::is_same_v<Row, Out>) {
      const auto count = std::min(context_.batch_size<Out>(), rows.size() - at_);
      out = {const_cast<Out*>(rows.data() + at_), count, nullptr, rows.exclusive()};
      at_ += count;
    } else {
      const auto count = std::min(output_->capacity(), rows.size() - at_);
      out = output_->fill(count, [&]() -> const Row& { return rows.data()[at_++]; });
    }
    return true;
  }

private:
  gathered_rows<Row> rows_;
  task_context& context_;
  std::optional<row_output<Row, Out>> output_;
  std::size_t block_ = 0;
  std::size_t at_ = 0;
};

/// Shape: m partitions of pair<K, V> -> n partitions, keys where the partitioner says; order within a partition: by map partition.
template <pair_record In>
class partition_node final : public typed_node<kept_t<In>> {
  using key_row = row_t<kept_t<key_of<In>>>;
  using out_type = kept_t<In>;

public:
  partition_node(node_header&& header, std::shared_ptr<const key_partitioner<key_row>> partitioner)
      : typed_node<out_type>(std::move(header)), partitioner_(std::move(partitioner)) {}
  partition_node(node_header&& header, byte_reader& in)
      : typed_node<out_type>(std::move(header)), partitioner_(read_partitioner<key_row>(in)) {}

  code_token token() const override {
    return node_token<partition_node>();
  }
  void encode(byte_writer& out) const override {
    write_partitioner(out, *partitioner_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<rows_stream<keyed_row_t<In>, out_type>>(gather_rows<keyed_row_t<In>, In>(*this, 0, p, context), context);
  }
  void write_map_output(std::size_t which, std::uint32_t partition, task_context& context) const override {
    scatter_pairs<In>(*this, which, partition, context, *partitioner_);
  }

private:
  std::shared_ptr<const key_partitioner<key_row>> partitioner_;
};

/// Shape: m partitions of pair<K, V> -> n partitions, each sorted by key; with a range partitioner the whole is ordered.
/// Equal keys keep the order of their map partitions and positions: results do not vary. `Out`: what is handed on of a row.
template <pair_record In, class Less, class Out>
class sort_node final : public typed_node<typename Out::type> {
  using key_row = row_t<kept_t<key_of<In>>>;
  using row_type = keyed_row_t<In>;
  using out_type = typename Out::type;
  using prefix = sort_prefix<key_row, Less>;

  class sorted_stream final : public stream<out_type> {
  public:
    sorted_stream(const sort_node& dataset, std::uint32_t p, task_context& context)
        : context_(context), rows_(gather_rows<row_type, In>(dataset, 0, p, context)), claim_(context, dataset, "sorting a partition") {
      const auto rows = rows_.size();
      claim_.hold(rows * sizeof(sort_entry) * 2);
      order_.reserve(rows);
      for (const auto& block : rows_.blocks)
        for (const auto& row : block)
          order_.push_back({prefix::of(row.first, dataset.ascending_), &row});
      enter(context, dataset, 0);
      try {
        sort(dataset);
      } catch (...) {
        rethrow_described(dataset, context, 0);
      }
      claim_.hold(rows * sizeof(sort_entry));
      output_.emplace(std::min(rows, context.batch_size<out_type>()));
    }

    bool next(batch<out_type>& out) override {
      context_.poll();
      const auto count = std::min(output_->capacity(), order_.size() - at_);
      if (count == 0)
        return false;
      out = output_->fill(
          count, [&]() -> const auto& {
            prefetch_ahead();
            return Out::of(row_at(at_++));
          });
      return true;
    }

  private:
    const row_type& row_at(std::size_t i) const noexcept {
      return *static_cast<const row_type*>(order_[i].row);
    }

    /// Rows lie in any order, and their characters elsewhere: both are asked for ahead of their turn.
    void prefetch_ahead() const noexcept {
      if (at_ + 16 < order_.size())
        __builtin_prefetch(order_[at_ + 16].row);
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(Out::of(std::declval<const row_type&>()))>, std::string_view>)
        if (at_ + 8 < order_.size()) {
          const char* const text = Out::of(row_at(at_ + 8)).data();
          __builtin_prefetch(text);
          __builtin_prefetch(text + 64);
        }
    }

    void sort(const sort_node& dataset) {
      const auto& less = dataset.less_;
      if (!order_.empty())
        check_order(row_at(0).first, row_at(0).first, less);
      const auto before = [&](const sort_entry& a, const sort_entry& b) {
        const auto& x = static_cast<const row_type*>(a.row)->first;
        const auto& y = static_cast<const row_type*>(b.row)->first;
        return dataset.ascending_ ? less(x, y) : less(y, x);
      };
      if constexpr (!prefix::useful) {
        std::stable_sort(order_.begin(), order_.end(), before);
      } else {
        sort_by_prefix(order_);
        if constexpr (!prefix::exact)
          sort_runs(before);
      }
    }

    /// Among entries of equal prefix the keys themselves decide.
    template <class Before>
    void sort_runs(const Before& before) {
      for (auto first = order_.begin(); first != order_.end();) {
        const auto last = std::find_if(first, order_.end(), [&](const sort_entry& e) { return e.prefix != first->prefix; });
        if (last - first > 1)
          std::stable_sort(first, last, before);
        first = last;
      }
    }

    task_context& context_;
    gathered_rows<row_type> rows_;
    memory_claim claim_;
    std::vector<sort_entry> order_;
    std::optional<row_output<row_type, out_type>> output_;
    std::size_t at_ = 0;
  };

public:
  sort_node(node_header&& header, std::shared_ptr<const key_partitioner<key_row>> partitioner, Less less, bool ascending)
      : typed_node<out_type>(std::move(header)), partitioner_(std::move(partitioner)), less_(std::move(less)), ascending_(ascending) {}
  sort_node(node_header&& header, byte_reader& in)
      : typed_node<out_type>(std::move(header)), partitioner_(read_partitioner<key_row>(in)), less_(read_closure<Less>(in)),
        ascending_(in.flag()) {}

  code_token token() const override {
    return node_token<sort_node>();
  }
  void encode(byte_writer& out) const override {
    write_partitioner(out, *partitioner_);
    write_closure(out, less_);
    out.varint(ascending_ ? 1 : 0);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<sorted_stream>(*this, p, context);
  }
  void write_map_output(std::size_t which, std::uint32_t partition, task_context& context) const override {
    scatter_pairs<In>(*this, which, partition, context, *partitioner_);
  }

private:
  std::shared_ptr<const key_partitioner<key_row>> partitioner_;
  Less less_;
  bool ascending_;
};

/// What a sort hands on: whole records (sort_by_key) or only the values (sort_by, whose keys were made for the sort).
template <pair_record In>
struct whole_record {
  using type = kept_t<In>;
  static const keyed_row_t<In>& of(const keyed_row_t<In>& row) noexcept {
    return row;
  }
};
template <pair_record In>
struct value_alone {
  using type = kept_t<value_of<In>>;
  static const auto& of(const keyed_row_t<In>& row) noexcept {
    return row.second;
  }
};

/// Shape: m partitions of T -> n partitions of about equal size: each map partition deals its records round, from a start of its own.
template <class T>
class repartition_node final : public typed_node<kept_t<T>> {
  using row_type = row_t<kept_t<T>>;
  using out_type = kept_t<T>;

public:
  explicit repartition_node(node_header&& header) : typed_node<out_type>(std::move(header)) {}
  repartition_node(node_header&& header, byte_reader&) : typed_node<out_type>(std::move(header)) {}

  code_token token() const override {
    return node_token<repartition_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<rows_stream<row_type, out_type>>(gather_rows<row_type, T>(*this, 0, p, context), context);
  }
  void write_map_output(std::size_t which, std::uint32_t partition, task_context& context) const override {
    auto input = this->template parent<T>(which).read(partition, context);
    row_scatter<row_type> scatter(*this, context, "repartitioning");
    auto target = static_cast<std::uint32_t>(mix(partition + 1, 0x9e3779b97f4a7c15ULL) % this->partitions);
    for (batch<T> in; input->next(in);) {
      context.poll();
      in.for_each([&](auto&& record) {
        scatter.add(target, to_row(std::forward<decltype(record)>(record), scatter.characters()));
        target = target + 1 == this->partitions ? 0 : target + 1;
      });
      scatter.account(in.size);
    }
    scatter.commit(this->dependencies[which].shuffle, partition);
  }
};

} // namespace salamander::core
