// Nodes that read partitions of several datasets side by side: zip, zip_partitions, cartesian.
#pragma once

#include <salamander/rdd/invoke.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/weight.hpp>

namespace salamander::core {

/// Record `i` of a batch, moved out of it if that is allowed.
template <class T, class Use>
decltype(auto) with_record(const batch<T>& in, std::size_t i, Use&& use) {
  T& record = in.records[in.selection ? in.selection[i] : i];
  if constexpr (!is_cheap<T>)
    if (in.movable)
      return use(std::move(record));
  return use(std::as_const(record));
}

// -- zip ----------------------------------------------------------------------

/// Shape: n partitions of T and n of U, partition by partition equally long -> n partitions of pair<T, U>, order kept.
template <class T, class U>
class zip_node final : public typed_node<std::pair<T, U>> {
  using out_type = std::pair<T, U>;

  class zip_stream final : public stream<out_type> {
  public:
    zip_stream(const zip_node& dataset, std::uint32_t p, task_context& context)
        : dataset_(dataset), context_(context), left_(dataset.template parent<T>(0).read(p, context)),
          right_(dataset.template parent<U>(1).read(p, context)), buffer_(context.batch_size<out_type>()) {}

    bool next(batch<out_type>& out) override {
      const bool more = fill(*left_, lefts_, left_done_);
      if (fill(*right_, rights_, right_done_) != more)
        fail();
      if (!more)
        return false;
      context_.poll();
      enter(context_, dataset_, records_);
      buffer_.clear();
      const auto count = std::min({lefts_.size - left_done_, rights_.size - right_done_, buffer_.capacity()});
      for (std::size_t i = 0; i < count; ++i)
        with_record(lefts_, left_done_ + i, [&](auto&& left) {
          with_record(rights_, right_done_ + i, [&](auto&& right) {
            buffer_.emplace(std::forward<decltype(left)>(left), std::forward<decltype(right)>(right));
          });
        });
      left_done_ += count;
      right_done_ += count;
      records_ += count;
      out = buffer_.view();
      return true;
    }

  private:
    template <class V>
    static bool fill(stream<V>& input, batch<V>& in, std::size_t& done) {
      if (done < in.size)
        return true;
      done = 0;
      if (input.next(in))
        return true;
      in = {};
      return false;
    }
    [[noreturn]] void fail() const {
      throw placed_error(errc::invalid_argument,
                         dataset_.title() + ", partition " + std::to_string(context_.partition_index) +
                             ": Can only zip RDDs with same number of elements in each partition; one side ends after " +
                             std::to_string(records_) + " records and the other goes on");
    }

    const zip_node& dataset_;
    task_context& context_;
    std::unique_ptr<stream<T>> left_;
    std::unique_ptr<stream<U>> right_;
    batch<T> lefts_;
    batch<U> rights_;
    std::size_t left_done_ = 0;
    std::size_t right_done_ = 0;
    std::uint64_t records_ = 0;
    record_buffer<out_type> buffer_;
  };

public:
  explicit zip_node(node_header&& header) : typed_node<out_type>(std::move(header)) {}
  zip_node(node_header&& header, byte_reader&) : typed_node<out_type>(std::move(header)) {}

  code_token token() const override {
    return node_token<zip_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<zip_stream>(*this, p, context);
  }
};

// -- zip_partitions -----------------------------------------------------------

template <class F, class... Ts>
concept partitions_function = std::is_invocable_v<const F&, record_range<Ts>...>;

template <class F, class... Ts>
using partitions_result_t = std::remove_cvref_t<std::invoke_result_t<const F&, record_range<Ts>...>>;

/// Shape: n partitions of each input -> n partitions of what f makes of the p-th ones.
template <class F, class... Ts>
class zip_partitions_node final : public typed_node<range_record_t<partitions_result_t<F, Ts...>>> {
  using range_type = partitions_result_t<F, Ts...>;
  using out_type = range_record_t<range_type>;

  class zip_partitions_stream final : public stream<out_type> {
  public:
    zip_partitions_stream(const zip_partitions_node& dataset, std::uint32_t p, task_context& context)
        : zip_partitions_stream(dataset, p, context, std::index_sequence_for<Ts...>{}) {}

    bool next(batch<out_type>& out) override {
      buffer_.clear();
      characters_ = arena();
      context_.poll();
      try {
        if (!range_) {
          enter(context_, dataset_, 0);
          range_.emplace(std::apply([&](auto&... from) { return dataset_.f_(record_range<Ts>(from)...); }, sources_));
          at_ = range_->begin();
        }
        auto& at = *at_;
        for (const auto end = range_->end(); !buffer_.full() && at != end; ++at) {
          if constexpr (is_borrowed<out_type>)
            buffer_.emplace(pinned<out_type>(*at, characters_)); // the range may pull the next input batch meanwhile
          else if constexpr (is_lazy_range<range_type>)
            buffer_.emplace(*at);
          else
            buffer_.emplace(std::move(*at));
        }
      } catch (...) {
        rethrow_described(dataset_, context_, std::get<0>(sources_).position());
      }
      out = buffer_.view();
      return buffer_.size() != 0;
    }

  private:
    template <std::size_t... I>
    zip_partitions_stream(const zip_partitions_node& dataset, std::uint32_t p, task_context& context, std::index_sequence<I...>)
        : dataset_(dataset), context_(context),
          sources_(record_source<Ts>(dataset, dataset.template parent<Ts>(I).read(p, context), context)...),
          buffer_(context.batch_size<out_type>()) {}

    const zip_partitions_node& dataset_;
    task_context& context_;
    std::tuple<record_source<Ts>...> sources_;
    record_buffer<out_type> buffer_;
    arena characters_;
    std::optional<range_type> range_;
    std::optional<decltype(std::declval<range_type&>().begin())> at_;
  };

public:
  zip_partitions_node(node_header&& header, F f) : typed_node<out_type>(std::move(header)), f_(std::move(f)) {}
  zip_partitions_node(node_header&& header, byte_reader& in) : typed_node<out_type>(std::move(header)), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return node_token<zip_partitions_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, f_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<zip_partitions_stream>(*this, p, context);
  }

private:
  F f_;
};

// -- cartesian ----------------------------------------------------------------

/// The records of one partition again and again: from memory when they fit into a share of it, else computed each time. What is added to
/// accumulators meanwhile counts for one pass only.
template <class T>
class repeated_partition {
public:
  repeated_partition(const node& dataset, const typed_node<T>& parent, std::uint32_t p, task_context& context)
      : dataset_(dataset), parent_(parent), partition_(p), context_(context), claim_(context, dataset, "the right side of cartesian") {
    const auto trial = context.added.open();
    {
      const contribution_scope within(context.added, trial);
      kept_ = keep();
    }
    if (!kept_)
      context.added.drop(trial); // the first whole pass will count
    for (auto& [accumulator, value] : context.added.close(trial)) {
      if (auto& slot = context.added.slot(accumulator); slot)
        slot->absorb(*value);
      else
        slot = std::move(value);
    }
  }

  repeated_partition(const repeated_partition&) = delete;
  repeated_partition& operator=(const repeated_partition&) = delete;
  ~repeated_partition() {
    if (repeats_)
      context_.added.drop(*repeats_);
  }

  /// True: batches stay valid as long as this.
  bool kept() const noexcept {
    return kept_;
  }
  /// From the first record on.
  void rewind() {
    if (kept_) {
      served_ = false;
      return;
    }
    input_.reset();
    if (repeats_)
      context_.added.drop(*repeats_);
    else if (begun_)
      repeats_ = context_.added.open();
    begun_ = true;
    in_pass([&] {
      input_ = parent_.read(partition_, context_);
      return true;
    });
  }
  bool next(batch<T>& out) {
    if (!kept_)
      return in_pass([&] { return input_->next(out); });
    if (served_ || records_.empty())
      return false;
    served_ = true;
    out = {records_.data(), records_.size(), nullptr, false};
    return true;
  }

private:
  static constexpr std::size_t bytes_max = 64U << 20;

  template <class F>
  bool in_pass(F&& step) {
    if (!repeats_)
      return step();
    const contribution_scope within(context_.added, *repeats_);
    return step();
  }

  bool keep() {
    growth_meter beside;
    const auto fits = [&](std::size_t rows) {
      const auto bytes = rows + beside.bytes() + characters_.memory_bytes();
      if (bytes <= bytes_max && claim_.try_hold(bytes, dataset_.id))
        return true;
      records_ = row_vector<T>();
      characters_ = arena();
      claim_.clear();
      return false;
    };
    auto input = parent_.read(partition_, context_);
    for (batch<T> in; input->next(in);) {
      context_.poll();
      if (!fits(bytes_while_growing(records_.size(), records_.capacity(), in.size, sizeof(T))))
        return false;
      in.for_each([&](auto&& record) {
        if constexpr (is_borrowed<T>)
          records_.push_back(pinned<T>(record, characters_));
        else
          records_.push_back(std::forward<decltype(record)>(record));
        meter_new(beside, records_.back());
      });
      if (!fits(records_.capacity() * sizeof(T))) // what records hold beside themselves is known now
        return false;
    }
    return true;
  }

  const node& dataset_;
  const typed_node<T>& parent_;
  std::uint32_t partition_;
  task_context& context_;
  memory_claim claim_;
  arena characters_;
  row_vector<T> records_;
  std::unique_ptr<stream<T>> input_;
  std::optional<contributions::scope> repeats_; ///< of passes that do not count
  bool begun_ = false;
  bool kept_ = false;
  bool served_ = false;
};

/// Shape: m partitions of T, n of U -> m * n of pair<T, U>; partition l * n + r has all pairs of l's and r's records, ordered by the left one.
template <class T, class U>
class cartesian_node final : public typed_node<std::pair<T, U>> {
  using out_type = std::pair<T, U>;

  class cartesian_stream final : public stream<out_type> {
  public:
    cartesian_stream(const cartesian_node& dataset, std::uint32_t p, task_context& context)
        : dataset_(dataset), context_(context), left_(dataset.template parent<T>(0).read(dataset.dependencies[0].parents_of(p).front(), context)),
          right_(dataset, dataset.template parent<U>(1), dataset.dependencies[1].parents_of(p).front(), context),
          buffer_(context.batch_size<out_type>()) {}

    bool next(batch<out_type>& out) override {
      buffer_.clear();
      while (!buffer_.full()) {
        if (right_done_ == rights_.size) {
          // What the buffer has looks into the current batches, so they must stay until it has been read.
          const bool same_batches = right_.kept() && left_done_ + 1 < lefts_.size;
          if ((buffer_.size() != 0 && !same_batches) || !advance())
            break;
        }
        context_.poll();
        enter(context_, dataset_, records_);
        const auto count = std::min(rights_.size - right_done_, buffer_.capacity() - buffer_.size());
        const T& left = lefts_.records[lefts_.selection ? lefts_.selection[left_done_] : left_done_];
        rights_.slice(right_done_, count).for_each([&](auto&& right) { buffer_.emplace(left, std::forward<decltype(right)>(right)); });
        right_done_ += count;
      }
      if (buffer_.size() == 0)
        return false;
      out = buffer_.view();
      return true;
    }

  private:
    /// To the next right batch, or to the first one of the next left record.
    bool advance() {
      right_done_ = 0;
      rights_ = {};
      while (!begun_ || !right_.next(rights_)) {
        rights_ = {};
        if (begun_) {
          ++left_done_;
          ++records_;
        }
        if (left_done_ == lefts_.size) {
          left_done_ = 0;
          if (!left_->next(lefts_)) {
            lefts_ = {};
            begun_ = false;
            return false;
          }
        }
        begun_ = true;
        context_.poll();
        right_.rewind();
      }
      return true;
    }

    const cartesian_node& dataset_;
    task_context& context_;
    std::unique_ptr<stream<T>> left_;
    repeated_partition<U> right_;
    batch<T> lefts_;
    batch<U> rights_;
    std::size_t left_done_ = 0;
    std::size_t right_done_ = 0;
    std::uint64_t records_ = 0;
    bool begun_ = false;
    record_buffer<out_type> buffer_;
  };

public:
  explicit cartesian_node(node_header&& header) : typed_node<out_type>(std::move(header)) {}
  cartesian_node(node_header&& header, byte_reader&) : typed_node<out_type>(std::move(header)) {}

  code_token token() const override {
    return node_token<cartesian_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<cartesian_stream>(*this, p, context);
  }
};

} // namespace salamander::core
