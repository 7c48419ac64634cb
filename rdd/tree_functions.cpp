#include <salamander/rdd/tree_functions.hpp>

#include <cmath>

namespace salamander::core {

std::vector<std::uint32_t> tree_levels(std::uint32_t partitions, int depth, const char* operation, const source_location& where) {
  if (depth < 1)
    throw_error(errc::invalid_argument, operation + (" at " + call_site::from(where).text()) +
                                            ": Depth must be greater than or equal to 1 but got " + std::to_string(depth) + ".");
  const auto scale = std::max<std::uint32_t>(2, static_cast<std::uint32_t>(std::ceil(std::pow(partitions, 1.0 / depth))));
  std::vector<std::uint32_t> levels;
  // A further level has to bring down the number of values that the driver merges.
  for (auto count = partitions; count > scale + (count + scale - 1) / scale;)
    levels.push_back(count /= scale);
  return levels;
}

std::vector<double> even_bounds(const stat_counter& of, std::int64_t buckets, const source_location& where) {
  const auto place = "histogram at " + call_site::from(where).text();
  if (buckets < 1)
    throw_error(errc::invalid_argument, place + ": number of buckets must be >= 1, but got " + std::to_string(buckets));
  if (of.count() == 0 || !std::isfinite(of.min()) || !std::isfinite(of.max()) || std::isnan(of.mean()))
    throw_error(errc::invalid_argument, place + ": Histogram on either an empty RDD or RDD containing +/-infinity or NaN");
  if (of.min() == of.max())
    return {of.min(), of.max()};
  std::vector<double> bounds;
  const auto width = of.max() / static_cast<double>(buckets) - of.min() / static_cast<double>(buckets);
  for (std::int64_t i = 0; i < buckets; ++i)
    bounds.push_back(of.min() + width * static_cast<double>(i));
  bounds.push_back(of.max());
  return bounds;
}

void check_bounds(const std::vector<double>& bounds, const source_location& where) {
  const auto place = "histogram at " + call_site::from(where).text();
  if (bounds.size() < 2)
    throw_error(errc::invalid_argument, place + ": buckets array must have at least two elements");
  for (std::size_t i = 1; i < bounds.size(); ++i)
    if (!(bounds[i - 1] < bounds[i]))
      throw_error(errc::invalid_argument, place +
                                              ": buckets should be sorted and should not contain duplicated values or NaN; see numbers " +
                                              std::to_string(i - 1) + " and " + std::to_string(i));
}

} // namespace salamander::core
