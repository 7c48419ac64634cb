// Random choice of records: sample, random_split, take_sample, sample_by_key.
#pragma once

#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/node.hpp>

#include <memory>
#include <optional>

namespace salamander::core {

/// Chooses how often each record of a sequence is taken, independently. The same seed makes the same choices.
/// Source: gaps between chosen records are geometric, which costs a draw for each chosen record and not for each seen.
class record_sampler {
public:
  /// Each record once, with this probability. Requires: 0 <= probability <= 1.
  static record_sampler bernoulli(double probability, std::uint64_t seed);
  /// Each record as often as a Poisson variable with this mean. Requires: mean >= 0.
  static record_sampler poisson(double mean, std::uint64_t seed);
  /// Each record whose draw falls into [low, high). Samplers of one seed over intervals that do not meet choose different records.
  static record_sampler interval(double low, double high, std::uint64_t seed);
  record_sampler(record_sampler&&) noexcept;
  ~record_sampler();

  record_sampler& operator=(record_sampler&&) noexcept;

  /// How often the next record is taken, whatever it is.
  template <class Record>
  std::uint32_t take(const Record&) {
    if (skip_ != 0) {
      --skip_;
      return 0;
    }
    return draw();
  }

private:
  class chooser;
  class none;
  class each;
  class gaps;
  class repeats;
  explicit record_sampler(std::unique_ptr<chooser> how) noexcept;
  std::uint32_t draw();

  std::unique_ptr<chooser> how_;
  std::uint64_t skip_ = 0; ///< so many records are not taken, whatever the next draw says
};

/// How a dataset is sampled; a plan carries it.
struct sampling {
  enum class kind : std::uint8_t { bernoulli, poisson, interval };

  kind how = kind::bernoulli;
  double low = 0;  ///< interval only
  double high = 0; ///< probability, mean, or end of the interval
  std::uint64_t seed = 0;

  /// Partitions choose independently of each other.
  record_sampler of(std::uint32_t partition) const;
};

/// Finds keys by what they look like in a record.
struct any_key_hash {
  using is_transparent = void;
  template <class K>
  std::size_t operator()(const K& key) const noexcept {
    return static_cast<std::size_t>(hash_value(key));
  }
};
struct any_key_equal {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return same_key(a, b);
  }
};

template <class Key>
std::string no_fraction_for(const Key& key) {
  std::string text = "there is no fraction for the key";
  if constexpr (std::is_arithmetic_v<Key> || std::is_convertible_v<Key, std::string_view>)
    append_text(text += ' ', key);
  return text;
}

/// A sampler for each key.
template <class K, class Sampler = record_sampler>
class stratified_sampler {
public:
  void add(const K& key, Sampler&& sampler) {
    samplers_.insert_or_assign(key, std::move(sampler));
  }
  /// Errors: errc::invalid_argument for a key that was not added.
  template <class Record>
  std::uint32_t take(const Record& record) {
    const auto found = samplers_.find(record.first);
    if (found == samplers_.end())
      throw_error(errc::invalid_argument, no_fraction_for(record.first));
    return found->second.take(record);
  }

private:
  std::unordered_map<K, Sampler, any_key_hash, any_key_equal> samplers_;
};

/// How a dataset of pairs is sampled by key; a plan carries it.
template <class K>
struct stratified_sampling {
  bool with_replacement = false;
  std::uint64_t seed = 0;
  std::vector<std::pair<K, double>> fractions;

  stratified_sampler<K> of(std::uint32_t partition) const {
    stratified_sampler<K> all;
    std::uint64_t stratum = 0;
    for (const auto& [key, fraction] : fractions) {
      const auto how = with_replacement ? sampling::kind::poisson : sampling::kind::bernoulli;
      all.add(key, sampling{how, 0, fraction, mix(seed ^ ++stratum, 0x9e3779b97f4a7c15ULL)}.of(partition));
    }
    return all;
  }
};

/// A seed that no other call gets.
std::uint64_t random_seed();

/// Errors: errc::invalid_argument with operation and call site for a fraction below 0, and above 1 without replacement.
sampling checked_sampling(bool with_replacement, double fraction, std::optional<std::uint64_t> seed, const char* operation,
                          const source_location& where);

/// The intervals of weights, normalised: their bounds, one more than there are weights.
/// Errors: errc::invalid_argument for a negative weight, and for weights without a positive finite sum.
std::vector<double> split_bounds(const std::vector<double>& weights, const char* operation, const source_location& where);

/// The numbers below `size` in random order.
std::vector<std::size_t> random_order(std::size_t size, std::uint64_t seed);

/// The fraction to sample with so that at least `wanted` of `total` records come with a probability of 0.9999.
double fraction_for_at_least(std::uint64_t wanted, std::uint64_t total, bool with_replacement);

/// Shape: n partitions -> n partitions of the chosen records, order kept.
template <class T, class How = sampling>
class sample_node final : public typed_node<T> {
  class sample_stream final : public stream<T> {
  public:
    sample_stream(const sample_node& dataset, std::unique_ptr<stream<T>> input, std::uint32_t p, task_context& context)
        : dataset_(dataset), input_(std::move(input)), context_(context), sampler_(dataset.how_.of(p)), buffer_(context.batch_size<T>()) {}

    bool next(batch<T>& out) override {
      buffer_.clear();
      for (;;) {
        while (!buffer_.full() && (left_ != 0 || done_ < in_.size)) {
          if (left_ == 0) {
            choose();
            continue;
          }
          T& record = in_.records[in_.selection ? in_.selection[done_ - 1] : done_ - 1];
          if (--left_ == 0 && in_.movable)
            buffer_.emplace(std::move(record));
          else
            buffer_.emplace(std::as_const(record));
        }
        if (buffer_.size() != 0)
          break;
        context_.poll();
        records_ += in_.size;
        done_ = 0;
        if (!input_->next(in_)) {
          in_ = {};
          return false;
        }
      }
      out = buffer_.view();
      return true;
    }

  private:
    void choose() {
      const T& record = in_.records[in_.selection ? in_.selection[done_] : done_];
      if constexpr (std::is_same_v<How, sampling>)
        left_ = sampler_.take(record);
      else
        left_ = described(dataset_, context_, records_ + done_, [&] { return sampler_.take(record); });
      ++done_;
    }

    const sample_node& dataset_;
    std::unique_ptr<stream<T>> input_;
    task_context& context_;
    decltype(std::declval<const How&>().of(0)) sampler_;
    batch<T> in_;
    std::size_t done_ = 0;
    std::uint64_t records_ = 0;
    std::uint32_t left_ = 0; ///< how often the record before `done_` is still to be given
    record_buffer<T> buffer_;
  };

public:
  sample_node(node_header&& header, How how) : typed_node<T>(std::move(header)), how_(std::move(how)) {}
  sample_node(node_header&& header, byte_reader& in) : typed_node<T>(std::move(header)), how_(read_value<How>(in)) {}

  code_token token() const override {
    return node_token<sample_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, how_);
  }
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<sample_stream>(*this, this->template parent<T>(0).read(p, context), p, context);
  }

private:
  How how_;
};

} // namespace salamander::core
