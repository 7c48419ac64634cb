// What result tasks do with a partition.
#pragma once

#include <salamander/rdd/invoke.hpp>
#include <salamander/rdd/ordering.hpp>
#include <salamander/rdd/plan.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/record_range.hpp>

#include <algorithm>

namespace salamander::core {

/// An action with a name and place for errors.
class placed_action : public action {
public:
  placed_action(std::string operation, call_site site) {
    place_.id = action_dataset;
    place_.operation = std::move(operation);
    place_.site = std::move(site);
  }
  explicit placed_action(byte_reader& in) {
    place_.id = action_dataset;
    place_.operation = in.text();
    place_.site.file = in.text();
    place_.site.line = in.varint32();
  }
  void encode(byte_writer& out) const override {
    out.text(place_.operation);
    out.text(place_.site.file);
    out.varint(place_.site.line);
  }

  std::string title() const override {
    return place_.title();
  }

protected:
  lineage place_;
};

/// A partition as an action's function sees it.
template <class T>
class partition_reader {
public:
  partition_reader(std::unique_ptr<stream<T>> input, task_context& context, const lineage& place)
      : input_(std::move(input)), context_(context), place_(place), claim_(context, place, "the result of a partition") {}

  /// Calls g(record) for each record; failures are described with their place.
  template <class G>
  void each(G&& g) {
    each(std::forward<G>(g), [] {});
  }
  /// Calls g(record) for each record, and `after_batch()` once in a while, to look at what has grown.
  template <class G, class After>
  void each(G&& g, After&& after_batch) {
    for (batch<T> in; next(in); after_batch()) {
      std::size_t seen = 0;
      try {
        in.for_each([&](auto&& record) {
          g(std::forward<decltype(record)>(record));
          ++seen;
        });
      } catch (...) {
        rethrow_described(place_, context_, records_ + seen);
      }
      records_ += in.size;
    }
  }
  /// A whole batch at a time; `in.size` records have then been counted by the caller through `advance`.
  bool next(batch<T>& in) {
    if (!input_->next(in))
      return false;
    context_.poll();
    enter(context_, place_, records_);
    return true;
  }
  void advance(std::size_t records) noexcept {
    records_ += records;
  }
  /// What the function keeps of the partition takes `bytes` now. Errors: errc::out_of_memory.
  void hold(std::size_t bytes) {
    claim_.hold(bytes);
  }
  task_context& context() noexcept {
    return context_;
  }
  const lineage& place() const noexcept {
    return place_;
  }
  std::unique_ptr<stream<T>> take_input() {
    return std::move(input_);
  }

private:
  std::unique_ptr<stream<T>> input_;
  task_context& context_;
  const lineage& place_;
  memory_claim claim_;
  std::uint64_t records_ = 0;
};

/// Applies F, a function object of this library, to a partition and returns its value.
template <class T, class F>
class function_action final : public placed_action {
public:
  using result_type = std::remove_cvref_t<decltype(std::declval<const F&>()(std::declval<partition_reader<T>&>()))>;

  function_action(F f, std::string operation, call_site site) : placed_action(std::move(operation), std::move(site)), f_(std::move(f)) {}
  explicit function_action(byte_reader& in) : placed_action(in), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return action_token<function_action>();
  }
  void encode(byte_writer& out) const override {
    placed_action::encode(out);
    write_closure(out, f_);
  }
  std::shared_ptr<const block_object> run(const node& final, std::uint32_t partition, task_context& context) const override {
    partition_reader<T> reader(static_cast<const typed_node<T>&>(final).read(partition, context), context, place_);
    return std::make_shared<value_block<result_type>>(f_(reader));
  }
  bool repeatable() const override {
    return !requires { typename F::has_effects; };
  }
  bool results_stand_alone() const override {
    return !requires { typename F::leaves_files; };
  }
  std::string known_as() const override {
    if constexpr (requires { typename F::leaves_files; })
      return carried_value(f_.template part<0>()).known_as;
    else
      return {};
  }

private:
  F f_;
};

/// How results lie in a block on their way to the driver.
template <class T>
using result_row_t = row_t<owned_t<T>>;

/// Returns the first `limit` records of a partition.
template <class T>
class collect_action final : public placed_action {
public:
  collect_action(std::uint64_t limit, std::string operation, call_site site)
      : placed_action(std::move(operation), std::move(site)), limit_(limit) {}
  explicit collect_action(byte_reader& in) : placed_action(in), limit_(in.varint()) {}

  static constexpr std::uint64_t no_limit = 0xffffffffffffffffULL;

  code_token token() const override {
    return action_token<collect_action>();
  }
  void encode(byte_writer& out) const override {
    placed_action::encode(out);
    out.varint(limit_);
  }
  std::shared_ptr<const block_object> run(const node& final, std::uint32_t partition, task_context& context) const override {
    auto input = static_cast<const typed_node<T>&>(final).read(partition, context);
    block_builder<result_row_t<T>> builder;
    memory_claim claim(context, place_, "collecting a partition");
    std::uint64_t left = limit_;
    for (batch<T> in; left != 0 && input->next(in);) {
      const auto part = in.size <= left ? in : in.slice(0, left);
      left -= part.size;
      claim.hold(builder.bytes_while_adding(part.size));
      part.for_each([&](auto&& record) {
        if constexpr (std::is_same_v<row_t<T>, result_row_t<T>>)
          builder.add_row(std::forward<decltype(record)>(record));
        else
          builder.add_row(to_owned<owned_t<T>>(std::forward<decltype(record)>(record)));
      });
    }
    claim.hold(builder.approximate_bytes());
    return builder.finish();
  }

private:
  std::uint64_t limit_;
};

/// Appends a collected block to a vector.
template <class T>
void append_rows(std::vector<owned_t<T>>& to, block&& from) {
  using row_type = result_row_t<T>;
  if constexpr (std::is_same_v<row_type, owned_t<T>> && !std::is_same_v<row_type, bool>) {
    if (from.object && from.object.use_count() == 1) {
      auto& rows = const_cast<record_block<row_type>&>(static_cast<const record_block<row_type>&>(*from.object)).rows;
      if (to.empty())
        to = std::move(rows);
      else
        to.insert(to.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
      return;
    }
  }
  const block_rows<row_type> rows(std::move(from));
  for (const auto& row : rows)
    to.push_back(to_owned<owned_t<T>>(row));
}

// -- functions ----------------------------------------------------------------

template <class T>
struct count_function {
  std::uint64_t operator()(partition_reader<T>& in) const {
    std::uint64_t count = 0;
    for (batch<T> records; in.next(records);) {
      count += records.size;
      in.advance(records.size);
    }
    return count;
  }
};

/// Left fold within the partition; nothing for an empty one.
template <class T, class F>
struct reduce_function : composed<reduce_function<T, F>, F> {
  std::optional<owned_t<T>> operator()(partition_reader<T>& in) const {
    const F& f = std::get<0>(this->parts);
    std::optional<owned_t<T>> sum;
    in.each(
        [&](auto&& record) {
          if (!sum)
            sum.emplace(to_owned<owned_t<T>>(std::forward<decltype(record)>(record)));
          else
            *sum = f(std::move(*sum), to_owned<owned_t<T>>(std::forward<decltype(record)>(record)));
        },
        [&] { in.hold(weight_of(sum)); });
    return sum;
  }
};

template <class T, class Z, class F>
struct aggregate_function : composed<aggregate_function<T, Z, F>, carried<Z>, F> {
  Z operator()(partition_reader<T>& in) const {
    const F& f = std::get<1>(this->parts);
    Z sum = carried_value(std::get<0>(this->parts));
    in.each(
        [&](auto&& record) {
          if constexpr (std::is_invocable_v<const F&, Z&&, decltype(record)> || std::is_invocable_v<const F&, Z&, decltype(record)>)
            merge_in(f, sum, std::forward<decltype(record)>(record));
          else
            merge_in(f, sum, to_owned<owned_t<T>>(std::forward<decltype(record)>(record)));
        },
        [&] { in.hold(weight_of(sum)); });
    return sum;
  }
};

template <class T, class F>
struct foreach_function : composed<foreach_function<T, F>, F> {
  using has_effects = void;
  bool operator()(partition_reader<T>& in) const {
    record_caller<F, T> call;
    in.each([&](auto&& record) { call(std::get<0>(this->parts), std::forward<decltype(record)>(record), 0); });
    return true;
  }
};

template <class T, class F>
struct foreach_partition_function : composed<foreach_partition_function<T, F>, F> {
  using has_effects = void;
  bool operator()(partition_reader<T>& in) const {
    auto& context = in.context();
    record_source<T> source(in.place(), in.take_input(), context);
    try {
      enter(context, in.place(), 0);
      std::get<0>(this->parts)(record_range<T>(source));
    } catch (...) {
      rethrow_described(in.place(), context, source.position());
    }
    return true;
  }
};

/// The `count` records that come first under Less, in order; equal ones in order of appearance.
template <class T, class Less>
struct first_ordered_function : composed<first_ordered_function<T, Less>, carried<std::uint64_t>, Less> {
  std::vector<owned_t<T>> operator()(partition_reader<T>& in) const {
    const auto limit = carried_value(std::get<0>(this->parts));
    const Less& less = std::get<1>(this->parts);
    struct ranked {
      owned_t<T> record;
      std::uint64_t order;
    };
    const auto before = [&](const ranked& a, const ranked& b) {
      return less(a.record, b.record) || (!less(b.record, a.record) && a.order < b.order);
    };
    std::vector<ranked> heap; // the last of the kept ones on top
    growth_meter beside;
    std::uint64_t order = 0;
    const auto hold = [&] {
      const auto more = static_cast<std::size_t>(std::min<std::uint64_t>(batch_capacity<T>, limit - heap.size()));
      in.hold(bytes_while_growing(heap.size(), heap.capacity(), more, sizeof(ranked)) + beside.bytes());
    };
    hold();
    in.each(
        [&](auto&& record) {
          if (order == 0)
            check_order(record, record, less);
          if (heap.size() < limit) {
            heap.push_back({to_owned<owned_t<T>>(std::forward<decltype(record)>(record)), order++});
            meter_new(beside, heap.back().record);
            std::push_heap(heap.begin(), heap.end(), before);
          } else if (less(record, heap.front().record)) {
            std::pop_heap(heap.begin(), heap.end(), before);
            metered(beside, heap.back().record,
                    [&](owned_t<T>& last) { last = to_owned<owned_t<T>>(std::forward<decltype(record)>(record)); });
            heap.back().order = order++;
            std::push_heap(heap.begin(), heap.end(), before);
          }
        },
        hold);
    std::sort_heap(heap.begin(), heap.end(), before);
    std::vector<owned_t<T>> out;
    in.hold(heap.capacity() * sizeof(ranked) + heap.size() * sizeof(owned_t<T>) + beside.bytes());
    out.reserve(heap.size());
    for (auto& one : heap)
      out.push_back(std::move(one.record));
    return out;
  }
};

} // namespace salamander::core
