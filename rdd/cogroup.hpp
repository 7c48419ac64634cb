// group_by_key, cogroup and joins: all values of a key together.
#pragma once

#include <salamander/rdd/combine_table.hpp>
#include <salamander/rdd/shuffle_io.hpp>

namespace salamander::core {

/// The values of one input, contiguous by key: key number g has values [offsets[g], offsets[g + 1]).
template <class V>
struct grouped_values {
  memory_claim claim;
  std::shared_ptr<row_vector<V>> values = std::make_shared<row_vector<V>>();
  std::vector<std::size_t> offsets{};

  group<V> of(std::size_t key) const {
    const auto first = offsets[key];
    return group<V>(values->data() + first, offsets[key + 1] - first, values);
  }
};

/// Rows of one input, with the number of each row's key.
template <class Row>
struct numbered_rows {
  gathered_rows<Row> input;
  memory_claim claim; ///< of the numbers
  std::vector<std::uint32_t> keys{};
};

struct no_value {};

/// Gives each distinct key of an input a number, in order of first appearance. `claim`: of the table.
template <class Row, class In, class Table>
numbered_rows<Row> number_keys(const node& dataset, std::size_t which, std::uint32_t p, task_context& context, Table& table,
                               memory_claim& claim) {
  constexpr std::size_t part = 4096;
  numbered_rows<Row> all{gather_rows<Row, In>(dataset, which, p, context), {context, dataset, "grouping by key"}};
  const auto rows = all.input.size();
  all.claim.hold(rows * sizeof(std::uint32_t));
  all.keys.reserve(rows);
  for (const auto& block : all.input.blocks)
    for (std::size_t first = 0; first < block.size(); first += part) {
      context.poll();
      enter(context, dataset, all.keys.size());
      const auto last = std::min(first + part, block.size());
      claim.hold(table.bytes_while_adding(last - first));
      described(dataset, context, all.keys.size(), [&] {
        for (auto i = first; i < last; ++i) {
          const auto& row = block.data()[i];
          all.keys.push_back(static_cast<std::uint32_t>(
              table.find_or_add(row.first, hash_value(row.first), [&] { return typename Table::entry_type(row.first, no_value{}); })));
        }
      });
    }
  claim.hold(table.memory_bytes());
  return all;
}

/// Puts the values next to those of the same key, keeping their order.
template <class V, class Row>
grouped_values<V> group_rows(const node& dataset, const numbered_rows<Row>& rows, std::size_t keys, task_context& context) {
  constexpr const char* what = "the values of a group";
  grouped_values<V> out{{context, dataset, what}};
  auto held = (keys + 1) * sizeof(std::size_t) + rows.keys.size() * sizeof(V);
  out.claim.hold(held);
  memory_claim meanwhile(context, dataset, what);
  meanwhile.hold((keys + 1) * sizeof(std::size_t) + rows.keys.size() * sizeof(void*));
  out.offsets.assign(keys + 1, 0);
  for (const auto key : rows.keys)
    ++out.offsets[key + 1];
  for (std::size_t k = 1; k <= keys; ++k)
    out.offsets[k] += out.offsets[k - 1];
  std::vector<const Row*> order(rows.keys.size());
  auto next = out.offsets;
  std::size_t i = 0;
  for (const auto& block : rows.input.blocks)
    for (const auto& row : block)
      order[next[rows.keys[i++]]++] = &row;
  out.values->reserve(order.size());
  constexpr std::size_t part = 1024;
  growth_meter beside;
  for (std::size_t at = 0; at < order.size();) {
    context.poll();
    for (const auto last = std::min(at + part, order.size()); at < last; ++at) {
      out.values->push_back(to_owned<V>(order[at]->second));
      meter_new(beside, out.values->back());
    }
    out.claim.hold(held + beside.bytes());
  }
  return out;
}

/// Shared part of nodes that see the rows of several keyed inputs by key. Shape of inputs: any number of partitions of pair<K, ...>.
template <class Out, pair_record... Ins>
class keyed_node : public typed_node<Out> {
protected:
  using first_in = std::tuple_element_t<0, std::tuple<Ins...>>;
  using key_type = kept_t<key_of<first_in>>;
  using key_row = row_t<key_type>;
  using table_type = combine_table<key_row, no_value>;

public:
  keyed_node(node_header&& header, std::shared_ptr<const key_partitioner<key_row>> partitioner)
      : typed_node<Out>(std::move(header)), partitioner_(std::move(partitioner)) {}
  keyed_node(node_header&& header, byte_reader& in) : typed_node<Out>(std::move(header)), partitioner_(read_partitioner<key_row>(in)) {}

  void encode(byte_writer& out) const override {
    write_partitioner(out, *partitioner_);
  }

  void write_map_output(std::size_t which, std::uint32_t partition, task_context& context) const override {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I == which ? scatter_pairs<Ins>(*this, which, partition, context, *partitioner_) : void()), ...);
    }
    (std::index_sequence_for<Ins...>{});
  }

private:
  std::shared_ptr<const key_partitioner<key_row>> partitioner_;
};

/// Shape: m partitions of pair<K, V> -> n partitions of pair<K, group<V>>, each key once.
template <pair_record In>
class group_node final : public keyed_node<std::pair<kept_t<key_of<In>>, group<kept_t<value_of<In>>>>, In> {
  using element_type = kept_t<value_of<In>>;
  using out_type = std::pair<kept_t<key_of<In>>, group<element_type>>;
  using base = keyed_node<out_type, In>;
  using row_type = keyed_row_t<In>;

  class group_stream final : public stream<out_type> {
  public:
    group_stream(const group_node& dataset, std::uint32_t p, task_context& context)
        : context_(context), claim_(context, dataset, "grouping by key"),
          rows_(number_keys<row_type, In>(dataset, 0, p, context, table_, claim_)),
          values_(group_rows<element_type>(dataset, rows_, table_.size(), context)) {
      buffer_.resize(std::min(context.batch_size<out_type>(), table_.size()));
    }

    bool next(batch<out_type>& out) override {
      context_.poll();
      const auto count = std::min(buffer_.size(), table_.size() - at_);
      if (count == 0)
        return false;
      for (std::size_t i = 0; i < count; ++i) {
        assign_owned(buffer_[i].first, table_.entries()[at_ + i].first);
        buffer_[i].second = values_.of(at_ + i);
      }
      at_ += count;
      out = {buffer_.data(), count, nullptr, true};
      return true;
    }

  private:
    task_context& context_;
    memory_claim claim_;
    typename base::table_type table_;
    numbered_rows<row_type> rows_;
    grouped_values<element_type> values_;
    std::vector<out_type> buffer_;
    std::size_t at_ = 0;
  };

public:
  using base::base;

  code_token token() const override {
    return node_token<group_node>();
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<group_stream>(*this, p, context);
  }
};

/// What the groups of one key are handed over in: a pair of two, a tuple of more.
template <pair_record... Ins>
struct sides {
  using type = std::tuple<group<kept_t<value_of<Ins>>>...>;
};
template <pair_record A, pair_record B>
struct sides<A, B> {
  using type = std::pair<group<kept_t<value_of<A>>>, group<kept_t<value_of<B>>>>;
};

/// Shape: any partitions of pair<K, V>, pair<K, W>, ... -> n partitions of pair<K, sides of group<V>, group<W>, ...>, each key once.
template <pair_record A, pair_record... Others>
class cogroup_node final : public keyed_node<std::pair<kept_t<key_of<A>>, typename sides<A, Others...>::type>, A, Others...> {
  using out_type = std::pair<kept_t<key_of<A>>, typename sides<A, Others...>::type>;
  using base = keyed_node<out_type, A, Others...>;

  class cogroup_stream final : public stream<out_type> {
  public:
    cogroup_stream(const cogroup_node& dataset, std::uint32_t p, task_context& context)
        : cogroup_stream(dataset, p, context, std::index_sequence_for<A, Others...>{}) {}

    bool next(batch<out_type>& out) override {
      context_.poll();
      const auto count = std::min(buffer_.size(), table_.size() - at_);
      if (count == 0)
        return false;
      for (std::size_t i = 0; i < count; ++i) {
        assign_owned(buffer_[i].first, table_.entries()[at_ + i].first);
        [&]<std::size_t... I>(std::index_sequence<I...>) {
          ((std::get<I>(buffer_[i].second) = std::get<I>(groups_).of(at_ + i)), ...);
        }
        (std::index_sequence_for<A, Others...>{});
      }
      at_ += count;
      out = {buffer_.data(), count, nullptr, true};
      return true;
    }

  private:
    // The inputs are read in their order: each adds its keys to the table, and only then are the groups as many as keys.
    template <std::size_t... I>
    cogroup_stream(const cogroup_node& dataset, std::uint32_t p, task_context& context, std::index_sequence<I...>)
        : context_(context), claim_(context, dataset, "grouping by key"),
          rows_{number_keys<keyed_row_t<std::tuple_element_t<I, inputs>>, std::tuple_element_t<I, inputs>>(dataset, I, p, context, table_,
                                                                                                           claim_)...},
          groups_{group_rows<kept_t<value_of<std::tuple_element_t<I, inputs>>>>(dataset, std::get<I>(rows_), table_.size(), context)...} {
      buffer_.resize(std::min(context.batch_size<out_type>(), table_.size()));
    }

    using inputs = std::tuple<A, Others...>;

    task_context& context_;
    memory_claim claim_;
    typename base::table_type table_;
    std::tuple<numbered_rows<keyed_row_t<A>>, numbered_rows<keyed_row_t<Others>>...> rows_;
    std::tuple<grouped_values<kept_t<value_of<A>>>, grouped_values<kept_t<value_of<Others>>>...> groups_;
    std::vector<out_type> buffer_;
    std::size_t at_ = 0;
  };

public:
  using base::base;

  code_token token() const override {
    return node_token<cogroup_node>();
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<cogroup_stream>(*this, p, context);
  }
};

enum class join_kind : std::uint8_t { inner, left, right, full };

/// All pairs of two groups, as a lazy range; an empty side counts as one missing value where the kind of join says so.
template <class K, class V, class W, join_kind Kind>
class join_range {
  static constexpr bool optional_left = Kind == join_kind::right || Kind == join_kind::full;
  static constexpr bool optional_right = Kind == join_kind::left || Kind == join_kind::full;

public:
  using left_out = std::conditional_t<optional_left, std::optional<V>, V>;
  using right_out = std::conditional_t<optional_right, std::optional<W>, W>;
  using value_type = std::pair<K, std::pair<left_out, right_out>>;

  explicit join_range(const std::pair<K, std::pair<group<V>, group<W>>>& record) : record_(&record) {
    const auto left = record.second.first.size();
    const auto right = record.second.second.size();
    rows_ = left == 0 && optional_left ? 1 : left;
    columns_ = right == 0 && optional_right ? 1 : right;
    if (rows_ == 0 || columns_ == 0)
      rows_ = columns_ = 0;
  }

  class iterator {
  public:
    iterator() = default;
    iterator(const join_range* range, std::size_t row) : range_(range), row_(row) {
      if (range_) {
        left_ = range_->record_->second.first.begin();
        right_ = range_->record_->second.second.begin();
      }
    }
    value_type operator*() const {
      const auto& both = range_->record_->second;
      const auto left = [&]() -> left_out {
        if constexpr (optional_left)
          if (both.first.empty())
            return std::nullopt;
        return *left_;
      };
      const auto right = [&]() -> right_out {
        if constexpr (optional_right)
          if (both.second.empty())
            return std::nullopt;
        return *right_;
      };
      return value_type(range_->record_->first, {left(), right()});
    }
    iterator& operator++() {
      ++column_;
      if (!range_->record_->second.second.empty())
        ++right_;
      if (column_ == range_->columns_) {
        column_ = 0;
        ++row_;
        right_ = range_->record_->second.second.begin();
        if (!range_->record_->second.first.empty())
          ++left_;
      }
      return *this;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.row_ == b.row_;
    }
    friend bool operator!=(const iterator& a, const iterator& b) noexcept {
      return a.row_ != b.row_;
    }

  private:
    const join_range* range_ = nullptr;
    std::size_t row_ = 0;
    std::size_t column_ = 0;
    typename group<V>::iterator left_;
    typename group<W>::iterator right_;
  };

  iterator begin() const {
    return iterator(this, 0);
  }
  iterator end() const {
    return iterator(nullptr, rows_);
  }

private:
  const std::pair<K, std::pair<group<V>, group<W>>>* record_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

/// The second half of a join: cogrouped records to pairs.
template <class K, class V, class W, join_kind Kind>
struct join_function {
  join_range<K, V, W, Kind> operator()(const std::pair<K, std::pair<group<V>, group<W>>>& record) const {
    return join_range<K, V, W, Kind>(record);
  }
};

} // namespace salamander::core
