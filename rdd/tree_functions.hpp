// What tree_reduce, tree_aggregate, to_local_iterator, histogram and reduce_by_key_locally are made of.
#pragma once

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/application.hpp>
#include <salamander/rdd/functions.hpp>

namespace salamander::core {

/// A whole partition as one value.
template <class T, class Z, class Seq>
struct fold_partition_function : composed<fold_partition_function<T, Z, Seq>, carried<Z>, Seq> {
  std::vector<Z> operator()(record_range<T> records) const {
    const Seq& f = std::get<1>(this->parts);
    Z all = carried_value(std::get<0>(this->parts));
    for (const auto& record : records) {
      if constexpr (std::is_invocable_v<const Seq&, Z&&, const T&> || std::is_invocable_v<const Seq&, Z&, const T&>)
        merge_in(f, all, record);
      else
        merge_in(f, all, to_owned<owned_t<T>>(record));
    }
    return {std::move(all)};
  }
};

/// A whole partition as one value, if it has any.
template <class T, class F>
struct reduce_partition_function : composed<reduce_partition_function<T, F>, F> {
  std::vector<owned_t<T>> operator()(record_range<T> records) const {
    const F& f = std::get<0>(this->parts);
    std::vector<owned_t<T>> all;
    for (const auto& record : records) {
      if (all.empty())
        all.push_back(to_owned<owned_t<T>>(record));
      else
        all.front() = f(std::move(all.front()), to_owned<owned_t<T>>(record));
    }
    return all;
  }
};

/// What run_job makes of a partition.
template <class T, class F>
struct partition_result_function : composed<partition_result_function<T, F>, F> {
  auto operator()(partition_reader<T>& in) const {
    record_source<T> source(in.place(), in.take_input(), in.context());
    try {
      return std::get<0>(this->parts)(record_range<T>(source));
    } catch (...) {
      rethrow_described(in.place(), in.context(), source.position());
    }
  }
};

/// Values of neighbouring partitions go together, so that they are merged in order. Carried: partitions here, and of the next level.
template <class Z>
struct to_level_function : composed<to_level_function<Z>, carried<std::uint32_t>, carried<std::uint32_t>> {
  std::vector<std::pair<std::uint32_t, Z>> operator()(std::uint32_t partition, record_range<Z> values) const {
    const std::uint64_t here = carried_value(std::get<0>(this->parts));
    const auto to = static_cast<std::uint32_t>(partition * std::uint64_t{carried_value(std::get<1>(this->parts))} / here);
    std::vector<std::pair<std::uint32_t, Z>> out;
    for (const auto& value : values)
      out.emplace_back(to, value);
    return out;
  }
};

/// How many partitions each further level of a tree has. Errors: errc::invalid_argument for a depth below 1.
std::vector<std::uint32_t> tree_levels(std::uint32_t partitions, int depth, const char* operation, const source_location& where);

/// Counts of values between bounds that grow; the last range has its end.
template <class T>
struct histogram_function : composed<histogram_function<T>, carried<std::vector<double>>> {
  std::vector<std::uint64_t> operator()(partition_reader<T>& in) const {
    const auto& bounds = carried_value(std::get<0>(this->parts));
    std::vector<std::uint64_t> counts(bounds.size() - 1);
    in.each([&](const T& record) {
      const auto value = static_cast<double>(record);
      if (!(value >= bounds.front() && value <= bounds.back()))
        return;
      const auto above = std::upper_bound(bounds.begin(), bounds.end(), value);
      ++counts[std::min(static_cast<std::size_t>(above - bounds.begin()), bounds.size() - 1) - 1];
    });
    return counts;
  }
};

/// The bounds of `buckets` ranges of equal width, or of one if there is nothing between least and greatest.
/// Errors: errc::invalid_argument for no buckets, no values, infinite ones or NaN.
std::vector<double> even_bounds(const stat_counter& of, std::int64_t buckets, const source_location& where);
/// Errors: errc::invalid_argument for fewer than two bounds, or bounds that do not grow.
void check_bounds(const std::vector<double>& bounds, const source_location& where);

/// One value a key of a partition, in order of first appearance.
template <class T, class F>
struct local_reduce_function : composed<local_reduce_function<T, F>, F> {
  using key = owned_key<T>;
  using value = owned_value<T>;

  std::vector<std::pair<key, value>> operator()(partition_reader<T>& in) const {
    const F& f = std::get<0>(this->parts);
    result_map<key, std::size_t> places;
    std::vector<std::pair<key, value>> all;
    in.each(
        [&](auto&& record) {
          const auto [at, added] = places.try_emplace(to_owned<key>(record.first), all.size());
          if (added)
            all.emplace_back(at->first, to_owned<value>(record.second));
          else
            all[at->second].second = f(std::move(all[at->second].second), to_owned<value>(record.second));
        },
        [&] { in.hold(2 * weight_of(all)); });
    return all;
  }
};

/// The records of a dataset one partition at a time; what to_local_iterator returns. A single-pass range for each begin().
template <class T>
class local_range {
public:
  using value_type = owned_t<T>;

  local_range(std::shared_ptr<application> app, std::shared_ptr<typed_node<T>> dataset, bool prefetch, source_location where)
      : app_(std::move(app)), dataset_(std::move(dataset)), prefetch_(prefetch), where_(where) {}

  class iterator {
  public:
    using value_type = owned_t<T>;
    using difference_type = std::ptrdiff_t;
    using reference = typename std::vector<value_type>::const_reference; ///< to the record; of bits a copy
    using pointer = const value_type*;
    using iterator_category = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(const local_range& range) : state_(std::make_shared<state>(range)) {
      state_->find();
    }
    reference operator*() const noexcept {
      return state_->records[state_->at];
    }
    pointer operator->() const noexcept {
      return &state_->records[state_->at];
    }
    iterator& operator++() {
      ++state_->at;
      state_->find();
      return *this;
    }
    void operator++(int) {
      ++*this;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.at_end() == b.at_end();
    }

  private:
    struct state {
      explicit state(const local_range& from) : range(from) {}
      state(const state&) = delete;
      state& operator=(const state&) = delete;
      ~state() {
        if (pending)
          pending->cancel("nobody reads on");
      }

      /// Goes on to the next partition with records when this one is read.
      void find() {
        while (at == records.size() && next < range.dataset_->partitions) {
          auto job = pending ? std::move(pending) : submit(next);
          ++next;
          if (range.prefetch_ && next < range.dataset_->partitions)
            pending = submit(next);
          records.clear();
          at = 0;
          for (auto& one : job->wait())
            append_rows<T>(records, std::move(one));
        }
      }
      std::shared_ptr<job_handle> submit(std::uint32_t partition) const {
        using collecting = collect_action<T>;
        return range.app_->submit(range.dataset_,
                                  std::make_shared<collecting>(collecting::no_limit, operation, call_site::from(range.where_)), {partition},
                                  operation, range.where_);
      }

      static constexpr const char* operation = "to_local_iterator";
      local_range range;
      std::vector<value_type> records;
      std::size_t at = 0;
      std::uint32_t next = 0;
      std::shared_ptr<job_handle> pending;
    };

    bool at_end() const noexcept {
      return !state_ || state_->at == state_->records.size();
    }

    std::shared_ptr<state> state_;
  };

  iterator begin() const {
    return iterator(*this);
  }
  iterator end() const noexcept {
    return {};
  }

private:
  std::shared_ptr<application> app_;
  std::shared_ptr<typed_node<T>> dataset_;
  bool prefetch_;
  source_location where_;
};

} // namespace salamander::core
