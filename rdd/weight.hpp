// What values take beyond their own size, estimated so cheaply that tables can ask for it while they grow.
#pragma once

#include <salamander/rdd/record_types.hpp>

#include <algorithm>
#include <cstdint>

namespace salamander::core {

/// False when no value of T holds memory of its own.
template <class T>
inline constexpr bool may_hold_memory = !is_plain<T> && !std::is_same_v<T, std::string_view>;

/// About how many heap bytes are behind a value: what it holds, with the slack that containers have on average when they grow.
/// Costs a few steps whatever the value's size: of many elements that hold memory themselves, a few stand for all.
/// It changes smoothly as a value grows, unlike capacity, so that samples of changes add up to the whole.
template <class T>
std::size_t weight_of(const T& value) noexcept {
  constexpr std::size_t allocation = 16;
  if constexpr (!may_hold_memory<T>) {
    return 0;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.size() > 15 ? value.size() + value.size() / 4 + allocation : 0;
  } else if constexpr (requires {
                         value.first;
                         value.second;
                       }) {
    return weight_of(value.first) + weight_of(value.second);
  } else if constexpr (requires {
                         value.begin();
                         value.size();
                         typename T::value_type;
                       }) {
    using element = typename T::value_type;
    constexpr std::size_t looked_at_max = 8;
    const std::size_t size = value.size();
    std::size_t bytes = 0;
    if constexpr (requires { typename T::key_type; })
      bytes = size * (sizeof(element) + 40 + allocation);
    else if constexpr (requires { value.capacity(); })
      bytes = size == 0 ? 0 : size * sizeof(element) + size * sizeof(element) / 2 + allocation;
    else
      bytes = size * (sizeof(element) + allocation);
    if constexpr (may_hold_memory<element>) {
      if (size != 0) {
        const auto count = std::min(size, looked_at_max);
        std::size_t sum = 0;
        if constexpr (
            requires { value[size]; } && !requires { typename T::key_type; }) {
          for (std::size_t i = 0; i < count; ++i)
            sum += weight_of(value[i * size / count]);
        } else {
          auto at = value.begin();
          for (std::size_t i = 0; i < count; ++i, ++at)
            sum += weight_of(*at);
        }
        bytes += count == size
                     ? sum
                     : static_cast<std::size_t>(static_cast<double>(sum) * static_cast<double>(size) / static_cast<double>(count));
      }
    }
    return bytes;
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    return std::apply([](const auto&... fields) { return (std::size_t{0} + ... + weight_of(fields)); }, value);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    return value ? weight_of(*value) : 0;
  } else if constexpr (is_reflectable<T>) {
    std::size_t sum = 0;
    for_each_field(value, [&](const auto& field) { sum += weight_of(field); });
    return sum;
  } else {
    return 0;
  }
}

/// Sums up changes of weight of which only some are measured. How many are left out follows from their size: changes of megabytes are
/// all measured, those of a few bytes one in 61, so that no more than some hundred KiB are ever guessed wrong on the way.
/// Used by one thread.
class growth_meter {
public:
  /// Called once for each change: whether this one is to be measured.
  bool due() noexcept {
    return --left_ == 0;
  }
  /// What the measured change was.
  void add(std::int64_t change) noexcept {
    sum_ += change * left_out_;
    constexpr std::int64_t goal = 64 << 10;
    constexpr std::int64_t most = 61; // a prime, so that no pattern of the records goes with it
    const auto size = change < 0 ? -change : change;
    left_out_ = size > goal ? 1 : std::min(most, goal / std::max<std::int64_t>(1, size));
    left_ = left_out_;
  }
  std::size_t bytes() const noexcept {
    return sum_ > 0 ? static_cast<std::size_t>(sum_) : 0;
  }

private:
  std::int64_t sum_ = 0;
  std::int64_t left_out_ = 1;
  std::int64_t left_ = 1;
};

/// Does `change` to `value` and lets the meter see what it did to its weight.
template <class T, class Change>
void metered(growth_meter& meter, T& value, Change&& change) {
  if constexpr (may_hold_memory<T>) {
    if (meter.due()) {
      const auto before = static_cast<std::int64_t>(weight_of(value));
      change(value);
      meter.add(static_cast<std::int64_t>(weight_of(value)) - before);
      return;
    }
  }
  change(value);
}

/// Lets the meter see a new value.
template <class T>
void meter_new(growth_meter& meter, const T& value) noexcept {
  if constexpr (may_hold_memory<T>)
    if (meter.due())
      meter.add(static_cast<std::int64_t>(weight_of(value)));
}

} // namespace salamander::core
