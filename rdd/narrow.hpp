// Nodes whose partitions need no records from other partitions: map, filter, flat_map, map_partitions, glom, union, coalesce.
#pragma once

#include <salamander/rdd/invoke.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/record_block.hpp>
#include <salamander/rdd/record_range.hpp>

namespace salamander::core {

// -- map ----------------------------------------------------------------------

template <class In, class F>
using map_result_t = record_t<record_result_t<F, In>>;

template <class In, class F>
class map_stream final : public stream<map_result_t<In, F>> {
  using out_type = map_result_t<In, F>;

public:
  map_stream(const lineage& dataset, const F& f, std::unique_ptr<stream<In>> input, task_context& context)
      : dataset_(dataset), f_(f), input_(std::move(input)), context_(context), buffer_(batch_capacity<out_type>) {}

  bool next(batch<out_type>& out) override {
    if (done_ == in_.size) {
      if (!input_->next(in_))
        return false;
      done_ = 0;
    }
    context_.poll();
    buffer_.clear();
    enter(context_, dataset_, records_);
    const auto part = in_.slice(done_, std::min(in_.size - done_, buffer_.capacity()));
    out_type* const to = buffer_.data();
    std::size_t made = 0;
    try {
      part.for_each([&](auto&& record) {
        ::new (static_cast<void*>(to + made)) out_type(call_(f_, std::forward<decltype(record)>(record), done_ + made));
        ++made;
      });
    } catch (...) {
      buffer_.commit(made);
      rethrow_described(dataset_, context_, records_ + made);
    }
    buffer_.commit(made);
    done_ += made;
    records_ += made;
    out = buffer_.view();
    return true;
  }

private:
  const lineage& dataset_;
  const F& f_;
  std::unique_ptr<stream<In>> input_;
  task_context& context_;
  record_caller<F, In> call_;
  record_buffer<out_type> buffer_;
  batch<In> in_;
  std::size_t done_ = 0;
  std::uint64_t records_ = 0;
};

template <class In, class F>
class map_node final : public typed_node<map_result_t<In, F>> {
  using out_type = map_result_t<In, F>;

public:
  map_node(node_header&& header, F f) : typed_node<out_type>(std::move(header)), f_(std::move(f)) {}
  map_node(node_header&& header, byte_reader& in) : typed_node<out_type>(std::move(header)), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return node_token<map_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, f_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<map_stream<In, F>>(*this, f_, this->template parent<In>(0).read(p, context), context);
  }

private:
  F f_;
};

// -- filter -------------------------------------------------------------------

template <class T, class F>
class filter_stream final : public stream<T> {
public:
  filter_stream(const lineage& dataset, const F& f, std::unique_ptr<stream<T>> input, task_context& context)
      : dataset_(dataset), f_(f), input_(std::move(input)), context_(context) {
    if constexpr (is_cheap<T>)
      kept_ = std::make_unique<record_buffer<T>>(batch_capacity<T>);
    else
      selection_.resize(batch_capacity<T>);
  }

  bool next(batch<T>& out) override {
    batch<T> in;
    while (input_->next(in)) {
      context_.poll();
      enter(context_, dataset_, records_);
      std::size_t seen = 0;
      std::size_t kept = 0;
      try {
        if constexpr (is_cheap<T>) {
          kept_->clear();
          T* const to = kept_->data();
          for (; seen < in.size; ++seen)
            if (call_(f_, std::as_const(in.records[seen]), seen))
              ::new (static_cast<void*>(to + kept++)) T(in.records[seen]);
          kept_->commit(kept);
          out = kept_->view();
        } else {
          for (; seen < in.size; ++seen) {
            const auto index = in.selection ? in.selection[seen] : static_cast<std::uint32_t>(seen);
            selection_[kept] = index;
            kept += call_(f_, std::as_const(in.records[index]), seen) ? 1 : 0;
          }
          out = {in.records, kept, selection_.data(), in.movable};
        }
      } catch (...) {
        rethrow_described(dataset_, context_, records_ + seen);
      }
      records_ += in.size;
      if (kept != 0)
        return true;
    }
    return false;
  }

private:
  const lineage& dataset_;
  const F& f_;
  std::unique_ptr<stream<T>> input_;
  task_context& context_;
  record_caller<F, T> call_;
  std::unique_ptr<record_buffer<T>> kept_;
  std::vector<std::uint32_t> selection_;
  std::uint64_t records_ = 0;
};

template <class T, class F>
class filter_node final : public typed_node<T> {
public:
  filter_node(node_header&& header, F f) : typed_node<T>(std::move(header)), f_(std::move(f)) {}
  filter_node(node_header&& header, byte_reader& in) : typed_node<T>(std::move(header)), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return node_token<filter_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, f_);
  }
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<filter_stream<T, F>>(*this, f_, this->template parent<T>(0).read(p, context), context);
  }

private:
  F f_;
};

// -- flat_map -----------------------------------------------------------------

/// What an iterator's element becomes as a record: where it gives a stand-in for the element (std::vector<bool> does), the element.
template <class I>
struct iterated_record {
  using type = std::remove_cvref_t<decltype(*std::declval<I&>())>;
};
template <class I>
  requires(!std::is_reference_v<decltype(*std::declval<I&>())> && requires { typename std::iter_value_t<I>; } &&
           std::is_constructible_v<std::iter_value_t<I>, decltype(*std::declval<I&>())>)
struct iterated_record<I> {
  using type = std::iter_value_t<I>;
};

/// What the elements of a user's range become as records.
template <class R>
using range_record_t = record_t<typename iterated_record<decltype(std::declval<R&>().begin())>::type>;

template <class In, class F>
class flat_map_stream final : public stream<range_record_t<record_result_t<F, In>>> {
  using range_type = std::remove_cvref_t<record_result_t<F, In>>;
  using out_type = range_record_t<range_type>;
  using iterator = decltype(std::declval<range_type&>().begin());

public:
  flat_map_stream(const lineage& dataset, const F& f, std::unique_ptr<stream<In>> input, task_context& context)
      : dataset_(dataset), f_(f), input_(std::move(input)), context_(context), buffer_(context.batch_size<out_type>()) {}

  bool next(batch<out_type>& out) override {
    buffer_.clear();
    std::size_t made = 0;
    while (made == 0) {
      if (!range_ && done_ == in_.size) {
        if (!input_->next(in_))
          return false;
        done_ = 0;
      }
      context_.poll();
      enter(context_, dataset_, records_);
      try {
        made = fill();
      } catch (...) {
        rethrow_described(dataset_, context_, records_);
      }
    }
    out = buffer_.view();
    return true;
  }

private:
  /// Gives what was made to the buffer, which destroys it, also when the function throws.
  struct committed {
    record_buffer<out_type>& buffer;
    const std::size_t& made;
    ~committed() {
      buffer.commit(made);
    }
  };

  /// Goes on with the current range, then with the records left in the input batch, until the buffer is full.
  std::size_t fill() {
    out_type* const to = buffer_.data();
    const std::size_t room = buffer_.capacity();
    std::size_t made = 0;
    const committed whatever_happens{buffer_, made};
    for (;;) {
      if (range_) {
        auto at = *at_;
        const auto end = range_->end();
        for (; made < room && at != end; ++at, ++made) {
          if constexpr (is_lazy_range<range_type>)
            ::new (static_cast<void*>(to + made)) out_type(*at);
          else
            ::new (static_cast<void*>(to + made)) out_type(std::move(*at));
        }
        if (at != end) {
          at_ = at;
          return made;
        }
        range_.reset();
        ++records_;
      }
      if (done_ == in_.size)
        return made;
      in_.slice(done_, 1).for_each(
          [&](auto&& record) { range_.emplace(call_(f_, std::forward<decltype(record)>(record), done_)); });
      ++done_;
      at_ = range_->begin();
    }
  }

  const lineage& dataset_;
  const F& f_;
  std::unique_ptr<stream<In>> input_;
  task_context& context_;
  record_caller<F, In> call_;
  record_buffer<out_type> buffer_;
  batch<In> in_;
  std::optional<range_type> range_;
  std::optional<iterator> at_;
  std::size_t done_ = 0;
  std::uint64_t records_ = 0;
};

template <class In, class F>
class flat_map_node final : public typed_node<range_record_t<record_result_t<F, In>>> {
  using out_type = range_record_t<record_result_t<F, In>>;

public:
  flat_map_node(node_header&& header, F f) : typed_node<out_type>(std::move(header)), f_(std::move(f)) {}
  flat_map_node(node_header&& header, byte_reader& in) : typed_node<out_type>(std::move(header)), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return node_token<flat_map_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, f_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<flat_map_stream<In, F>>(*this, f_, this->template parent<In>(0).read(p, context), context);
  }

private:
  F f_;
};

// -- map_partitions -----------------------------------------------------------

/// Calls F with a partition's records, and with the index first when F wants it.
template <class T, class F>
decltype(auto) call_with_partition(const F& f, [[maybe_unused]] std::uint32_t index, record_range<T> records) {
  if constexpr (std::is_invocable_v<const F&, std::uint32_t, record_range<T>>)
    return f(index, records);
  else
    return f(records);
}

template <class T, class F>
using partition_result_t = std::remove_cvref_t<decltype(call_with_partition<T, F>(std::declval<const F&>(), 0, std::declval<record_range<T>>()))>;

template <class F, class T>
concept partition_function = std::is_invocable_v<const F&, record_range<T>> || std::is_invocable_v<const F&, std::uint32_t, record_range<T>>;

template <class In, class F>
class map_partitions_stream final : public stream<range_record_t<partition_result_t<In, F>>> {
  using range_type = partition_result_t<In, F>;
  using out_type = range_record_t<range_type>;

public:
  map_partitions_stream(const lineage& dataset, const F& f, std::unique_ptr<stream<In>> input, std::uint32_t index, task_context& context)
      : dataset_(dataset), f_(f), index_(index), source_(dataset, std::move(input), context), context_(context),
        buffer_(context.batch_size<out_type>()) {}

  bool next(batch<out_type>& out) override {
    buffer_.clear();
    characters_ = arena();
    context_.poll();
    try {
      if (!range_) {
        enter(context_, dataset_, 0);
        range_.emplace(call_with_partition<In, F>(f_, index_, record_range<In>(source_)));
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
      rethrow_described(dataset_, context_, source_.position());
    }
    out = buffer_.view();
    return buffer_.size() != 0;
  }

private:
  const lineage& dataset_;
  const F& f_;
  std::uint32_t index_;
  record_source<In> source_;
  task_context& context_;
  record_buffer<out_type> buffer_;
  arena characters_;
  std::optional<range_type> range_;
  std::optional<decltype(std::declval<range_type&>().begin())> at_;
};

template <class In, class F>
class map_partitions_node final : public typed_node<range_record_t<partition_result_t<In, F>>> {
  using out_type = range_record_t<partition_result_t<In, F>>;

public:
  map_partitions_node(node_header&& header, F f) : typed_node<out_type>(std::move(header)), f_(std::move(f)) {}
  map_partitions_node(node_header&& header, byte_reader& in) : typed_node<out_type>(std::move(header)), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return node_token<map_partitions_node>();
  }
  void encode(byte_writer& out) const override {
    write_closure(out, f_);
  }
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<map_partitions_stream<In, F>>(*this, f_, this->template parent<In>(0).read(p, context), p, context);
  }

private:
  F f_;
};

// -- glom ---------------------------------------------------------------------

template <class T>
class glom_node final : public typed_node<std::vector<owned_t<T>>> {
  using out_type = std::vector<owned_t<T>>;

  class glom_stream final : public stream<out_type> {
  public:
    glom_stream(const glom_node& dataset, std::unique_ptr<stream<T>> input, task_context& context)
        : input_(std::move(input)), claim_(context, dataset, "glom") {}

    bool next(batch<out_type>& out) override {
      if (!input_)
        return false;
      growth_meter beside;
      for (batch<T> in; input_->next(in);) {
        claim_.hold(bytes_while_growing(all_.size(), all_.capacity(), in.size, sizeof(owned_t<T>)) + beside.bytes());
        in.for_each([&](auto&& record) {
          all_.push_back(to_owned<owned_t<T>>(std::forward<decltype(record)>(record)));
          if constexpr (may_hold_memory<owned_t<T>>)
            meter_new(beside, all_.back());
        });
      }
      claim_.hold(all_.capacity() * sizeof(owned_t<T>) + beside.bytes());
      input_.reset();
      out = {&all_, 1, nullptr, true};
      return true;
    }

  private:
    std::unique_ptr<stream<T>> input_;
    memory_claim claim_;
    out_type all_;
  };

public:
  explicit glom_node(node_header&& header) : typed_node<out_type>(std::move(header)) {}
  glom_node(node_header&& header, byte_reader&) : typed_node<out_type>(std::move(header)) {}

  code_token token() const override {
    return node_token<glom_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<out_type>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<glom_stream>(*this, this->template parent<T>(0).read(p, context), context);
  }
};

// -- union, coalesce ----------------------------------------------------------

/// Partition p is all the parent partitions that the dependencies name for it, one after the other.
template <class T>
class concatenation_node final : public typed_node<T> {
  class concatenation_stream final : public stream<T> {
  public:
    concatenation_stream(const concatenation_node& dataset, std::uint32_t p, task_context& context) : dataset_(dataset), context_(context) {
      for (std::size_t i = 0; i < dataset.dependencies.size(); ++i)
        for (const auto from : dataset.dependencies[i].parents_of(p))
          sources_.emplace_back(i, from);
    }

    bool next(batch<T>& out) override {
      for (;;) {
        if (current_ && current_->next(out))
          return true;
        if (at_ == sources_.size())
          return false;
        const auto [parent, partition] = sources_[at_++];
        current_ = dataset_.template parent<T>(parent).read(partition, context_);
      }
    }

  private:
    const concatenation_node& dataset_;
    task_context& context_;
    std::vector<std::pair<std::size_t, std::uint32_t>> sources_;
    std::unique_ptr<stream<T>> current_;
    std::size_t at_ = 0;
  };

public:
  explicit concatenation_node(node_header&& header) : typed_node<T>(std::move(header)) {}
  concatenation_node(node_header&& header, byte_reader&) : typed_node<T>(std::move(header)) {}

  code_token token() const override {
    return node_token<concatenation_node>();
  }
  void encode(byte_writer&) const override {}
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<concatenation_stream>(*this, p, context);
  }
};

} // namespace salamander::core
