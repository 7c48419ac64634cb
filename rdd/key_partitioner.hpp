// Sends rows to partitions by their keys, a batch at a time.
#pragma once

#include <salamander/rdd/closure.hpp>
#include <salamander/rdd/code.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/hash.hpp>
#include <salamander/rdd/partitioning.hpp>

#include <algorithm>
#include <tuple>

namespace salamander::core {

/// Where a record stands in the input of a shuffle.
struct row_position {
  std::uint32_t partition = 0; ///< of the map side
  std::uint64_t ordinal = 0;
};

/// Decides the partition of keys that lie in rows as Key. Rebuilt in executors by P(byte_reader&).
/// Threads: const members from any thread.
template <class Key>
class key_partitioner {
public:
  virtual ~key_partitioner() = default;
  virtual code_token token() const = 0;
  virtual void encode(byte_writer& out) const = 0;
  /// Keys lie `stride` bytes apart from `first` on. Errors: what a user's function throws.
  virtual void assign(const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const = 0;
  /// The same for records that stand one after the other from `from` on, for partitioners that tell equal keys apart by that.
  virtual void assign_from(row_position from, const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const {
    static_cast<void>(from);
    assign(first, stride, count, to);
  }
};

template <class Key>
using partitioner_factory = std::shared_ptr<const key_partitioner<Key>> (*)(byte_reader&);

template <class P, class Key>
std::shared_ptr<const key_partitioner<Key>> make_key_partitioner(byte_reader& in) {
  return std::make_shared<const P>(in);
}

template <class P, class Key>
code_token partitioner_token() {
  return token_for<&make_key_partitioner<P, Key>, code_kind::partitioner>();
}

template <class Key>
void write_partitioner(byte_writer& out, const key_partitioner<Key>& one) {
  const auto token = one.token();
  out.varint(token.module);
  out.varint(token.offset);
  one.encode(out);
}

template <class Key>
std::shared_ptr<const key_partitioner<Key>> read_partitioner(byte_reader& in) {
  code_token token;
  const auto module = in.varint();
  if (module > 0xffff)
    byte_reader::corrupt("a partitioner names a module beyond any table");
  token.module = static_cast<std::uint16_t>(module);
  token.offset = in.varint();
  return reinterpret_cast<partitioner_factory<Key>>(code_at(token, code_kind::partitioner))(in);
}

/// The i-th of keys that lie in rows.
template <class Key>
const Key& key_in_row(const Key* first, std::size_t stride, std::size_t i) noexcept {
  return *reinterpret_cast<const Key*>(reinterpret_cast<const std::byte*>(first) + i * stride);
}

template <class Key>
class hash_key_partitioner final : public key_partitioner<Key> {
public:
  explicit hash_key_partitioner(std::uint32_t partitions) : partitions_(partitions) {}
  explicit hash_key_partitioner(byte_reader& in) : partitions_(in.varint32()) {
    if (partitions_ == 0)
      byte_reader::corrupt("a partitioner has no partitions");
  }

  code_token token() const override {
    return partitioner_token<hash_key_partitioner, Key>();
  }
  void encode(byte_writer& out) const override {
    out.varint(partitions_);
  }
  void assign(const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const override {
    for (std::size_t i = 0; i < count; ++i)
      to[i] = hash_partition(key_in_row(first, stride, i), partitions_);
  }

private:
  std::uint32_t partitions_;
};

/// Ranges of an ordering: partition i holds keys above bound i-1 and up to bound i.
template <class Key, class Less>
class range_key_partitioner final : public key_partitioner<Key> {
  using bound_type = owned_t<Key>;

public:
  range_key_partitioner(std::vector<bound_type> bounds, Less less, bool ascending)
      : bounds_(std::move(bounds)), less_(std::move(less)), ascending_(ascending) {}
  explicit range_key_partitioner(byte_reader& in)
      : bounds_(read_value<std::vector<bound_type>>(in)), less_(read_closure<Less>(in)), ascending_(in.flag()) {}

  code_token token() const override {
    return partitioner_token<range_key_partitioner, Key>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, bounds_);
    write_closure(out, less_);
    out.varint(ascending_ ? 1 : 0);
  }
  void assign(const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const override {
    const auto bounds = static_cast<std::uint32_t>(bounds_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const auto& key = key_in_row(first, stride, i);
      const auto at =
          std::lower_bound(bounds_.begin(), bounds_.end(), key, [&](const bound_type& bound, const Key& k) { return less_(bound, k); });
      const auto p = static_cast<std::uint32_t>(at - bounds_.begin());
      to[i] = ascending_ ? p : bounds - p;
    }
  }

private:
  std::vector<bound_type> bounds_;
  Less less_;
  bool ascending_;
};

/// A record's place in a sorted dataset whose equal keys keep their order: no two records have the same.
template <class K>
struct sort_place {
  K key;
  std::uint32_t partition = 0;
  std::uint64_t ordinal = 0;
};

/// Orders places by key, and equal keys as they stand in the input, whichever way the keys go.
template <class Less>
struct place_less {
  const Less& less;
  bool ascending = true;

  template <class A, class B>
  bool keys(const A& a, const B& b) const {
    return ascending ? less(a, b) : less(b, a);
  }
  template <class K>
  bool operator()(const sort_place<K>& a, const sort_place<K>& b) const {
    if (keys(a.key, b.key))
      return true;
    return !keys(b.key, a.key) && std::tie(a.partition, a.ordinal) < std::tie(b.partition, b.ordinal);
  }
};

/// Ranges of an ordering of records, not of keys: partition i holds what comes after bound i-1 and up to bound i, so that many equal keys
/// are spread over several partitions. Of no use to find a key.
template <class Key, class Less>
class place_partitioner final : public key_partitioner<Key> {
  using bound_type = sort_place<owned_t<Key>>;

public:
  place_partitioner(std::vector<bound_type> bounds, Less less, bool ascending)
      : bounds_(std::move(bounds)), less_(std::move(less)), ascending_(ascending) {}
  explicit place_partitioner(byte_reader& in)
      : bounds_(read_value<std::vector<bound_type>>(in)), less_(read_closure<Less>(in)), ascending_(in.flag()) {}

  code_token token() const override {
    return partitioner_token<place_partitioner, Key>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, bounds_);
    write_closure(out, less_);
    out.varint(ascending_ ? 1 : 0);
  }
  void assign(const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const override {
    assign_from({}, first, stride, count, to);
  }
  void assign_from(row_position from, const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const override {
    const place_less<Less> before{less_, ascending_};
    for (std::size_t i = 0; i < count; ++i, ++from.ordinal) {
      const auto& key = key_in_row(first, stride, i);
      auto at = std::lower_bound(bounds_.begin(), bounds_.end(), key,
                                 [&](const bound_type& bound, const Key& k) { return before.keys(bound.key, k); });
      if (at != bounds_.end() && !before.keys(key, at->key)) // equal: the place in the input decides
        at = std::lower_bound(at, bounds_.end(), key, [&](const bound_type& bound, const Key& k) {
          return !before.keys(k, bound.key) && std::tie(bound.partition, bound.ordinal) < std::tie(from.partition, from.ordinal);
        });
      to[i] = static_cast<std::uint32_t>(at - bounds_.begin());
    }
  }

private:
  std::vector<bound_type> bounds_;
  Less less_;
  bool ascending_;
};

/// A user's own function from key to partition. Errors: errc::invalid_argument when it leaves [0, partitions).
template <class Key, class F>
class custom_key_partitioner final : public key_partitioner<Key> {
public:
  custom_key_partitioner(std::uint32_t partitions, F f) : partitions_(partitions), f_(std::move(f)) {}
  explicit custom_key_partitioner(byte_reader& in) : partitions_(in.varint32()), f_(read_closure<F>(in)) {}

  code_token token() const override {
    return partitioner_token<custom_key_partitioner, Key>();
  }
  void encode(byte_writer& out) const override {
    out.varint(partitions_);
    write_closure(out, f_);
  }
  void assign(const Key* first, std::size_t stride, std::size_t count, std::uint32_t* to) const override {
    for (std::size_t i = 0; i < count; ++i) {
      const auto& key = key_in_row(first, stride, i);
      std::int64_t p = 0;
      if constexpr (std::is_invocable_v<const F&, const Key&>)
        p = static_cast<std::int64_t>(f_(key));
      else
        p = static_cast<std::int64_t>(f_(to_owned<owned_t<Key>>(key)));
      if (p < 0 || p >= static_cast<std::int64_t>(partitions_))
        throw_error(errc::invalid_argument, "a partition function returned " + std::to_string(p) + ", but there are partitions 0 to " +
                                                std::to_string(partitions_ - 1));
      to[i] = static_cast<std::uint32_t>(p);
    }
  }

private:
  std::uint32_t partitions_;
  F f_;
};

} // namespace salamander::core
