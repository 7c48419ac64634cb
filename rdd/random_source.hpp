// Datasets of random numbers.
#pragma once

#include <salamander/rdd/node.hpp>

namespace salamander::core {

/// What numbers are drawn from; a plan carries it.
struct random_law {
  enum class kind : std::uint8_t { uniform, normal, log_normal, exponential, gamma, poisson };

  kind how = kind::uniform;
  double first = 0;  ///< mean (of the logarithm: log_normal), shape (gamma)
  double second = 1; ///< standard deviation, scale (gamma)
};

/// `count` independent numbers, never stored: the same seed and number of partitions give the same numbers, however often a partition is
/// computed. Each partition has a stream of its own.
class random_node final : public typed_node<double> {
public:
  random_node(node_header&& header, random_law law, std::uint64_t count, std::uint64_t seed);
  random_node(node_header&& header, byte_reader& in);

  code_token token() const override;
  void encode(byte_writer& out) const override;
  std::unique_ptr<stream<double>> open(std::uint32_t p, task_context& context) const override;

private:
  random_law law_;
  std::uint64_t count_;
  std::uint64_t seed_;
};

/// What is wrong with the parameters of a law; null: nothing.
const char* flaw_of(const random_law& law) noexcept;

} // namespace salamander::core
