// Records as users declare them.
#pragma once

#include <msgpack.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fuzz {

enum class colour : std::uint8_t { red, green };

struct nothing {};

/// Without gaps: what lies in those is not defined.
struct plain_point {
  double x = 0;
  std::int32_t y = 0;
  std::int32_t z = 0;
};

/// Not every pattern of bits is one of these.
struct flagged {
  bool first = false;
  double number = 0;
  bool second = false;
};

struct person {
  std::string name;
  std::vector<std::string> tags;
  std::optional<std::string> title;
  plain_point at;
};

/// Trivially copyable, with an index and a flag among its bits.
struct choice {
  std::variant<int, double> value;
  std::optional<bool> flag;
};

struct message {
  std::string name;
  std::vector<int> numbers;
  std::map<std::string, std::string> labels;
  MSGPACK_DEFINE(name, numbers, labels)
};

struct message_tree {
  std::vector<std::vector<message>> branches;
  std::uint32_t depth = 0;
  MSGPACK_DEFINE(branches, depth)
};

} // namespace fuzz
