// Function objects of intersection, subtract and subtract_by_key.
#pragma once

#include <salamander/rdd/cogroup.hpp>
#include <salamander/rdd/functions.hpp>

namespace salamander::core {

/// The key, if both sides have it.
template <class K>
struct in_both_function {
  template <class Record>
  std::vector<K> operator()(const Record& record) const {
    if (record.second.first.empty() || record.second.second.empty())
      return {};
    return {record.first};
  }
};

/// The pairs of the first side, if the second has none.
template <class K, class V>
struct not_in_function {
  template <class Record>
  std::vector<std::pair<K, V>> operator()(const Record& record) const {
    std::vector<std::pair<K, V>> out;
    if (record.second.second.empty()) {
      out.reserve(record.second.first.size());
      for (const auto& value : record.second.first)
        out.emplace_back(record.first, value);
    }
    return out;
  }
};

/// Whether low <= key <= high.
template <class T, class Less>
struct key_between_function : composed<key_between_function<T, Less>, carried<owned_key<T>>, carried<owned_key<T>>, Less> {
  bool operator()(const T& record) const {
    const auto& less = std::get<2>(this->parts);
    return !before(less, record.first, carried_value(std::get<0>(this->parts))) &&
           !before(less, carried_value(std::get<1>(this->parts)), record.first);
  }

private:
  template <class A, class B>
  static bool before(const Less& less, const A& a, const B& b) {
    if constexpr (std::is_invocable_r_v<bool, const Less&, const A&, const B&>)
      return less(a, b);
    else
      return less(to_owned<owned_key<T>>(a), to_owned<owned_key<T>>(b));
  }
};

/// A pair as its key without a value.
template <class T>
struct only_key_function {
  std::pair<key_in<T>, no_value_record> operator()(const T& record) const {
    return {record.first, {}};
  }
};

} // namespace salamander::core
