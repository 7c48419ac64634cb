#include <salamander/rdd/partition_groups.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

namespace salamander::core {
namespace {

std::vector<partition_group> neighbours(std::uint64_t partitions, std::uint32_t count) {
  std::vector<partition_group> groups(count);
  for (std::uint32_t g = 0; g < count; ++g)
    for (auto p = partitions * g / count; p < partitions * (g + 1) / count; ++p)
      groups[g].members.push_back(static_cast<std::uint32_t>(p));
  return groups;
}

/// Groups ordered by size, and of equal size by number: all of them, and those of each host.
class balance {
public:
  balance(const std::vector<std::vector<std::string>>& preferred, std::uint32_t count) : groups_(count) {
    std::map<std::string, std::size_t> wanted;
    for (const auto& hosts : preferred)
      for (const auto& host : hosts)
        ++wanted[host];
    std::vector<std::pair<std::string, std::size_t>> hosts(wanted.begin(), wanted.end());
    std::ranges::stable_sort(hosts, std::ranges::greater(), &std::pair<std::string, std::size_t>::second);
    for (std::uint32_t g = 0; g < count; ++g) {
      groups_[g].host = hosts[g % hosts.size()].first;
      of_host_[groups_[g].host].emplace(0, g);
      all_.emplace(0, g);
    }
  }

  std::size_t smallest_size() const {
    return all_.begin()->first;
  }
  std::uint32_t smallest() const {
    return all_.begin()->second;
  }
  /// Of the hosts that this partition prefers.
  std::optional<std::uint32_t> smallest_of(const std::vector<std::string>& hosts) const {
    std::optional<entry> best;
    for (const auto& host : hosts)
      if (const auto at = of_host_.find(host); at != of_host_.end() && (!best || *at->second.begin() < *best))
        best = *at->second.begin();
    return best ? std::optional(best->second) : std::nullopt;
  }
  std::size_t size_of(std::uint32_t group) const {
    return groups_[group].members.size();
  }
  void add(std::uint32_t group, std::uint32_t partition) {
    const auto size = size_of(group);
    groups_[group].members.push_back(partition);
    for (auto* const order : {&all_, &of_host_[groups_[group].host]}) {
      order->erase({size, group});
      order->emplace(size + 1, group);
    }
  }
  std::vector<partition_group> finish() {
    return std::move(groups_);
  }

private:
  using entry = std::pair<std::size_t, std::uint32_t>;

  std::vector<partition_group> groups_;
  std::set<entry> all_;
  std::unordered_map<std::string, std::set<entry>> of_host_;
};

/// Takes from the largest groups what empty ones need.
void fill_empty(std::vector<partition_group>& groups) {
  for (auto& one : groups)
    if (one.members.empty()) {
      auto& largest = *std::ranges::max_element(groups, {}, [](const partition_group& g) { return g.members.size(); });
      one.members.push_back(largest.members.back());
      largest.members.pop_back();
    }
}

} // namespace

std::vector<partition_group> group_partitions(const std::vector<std::vector<std::string>>& preferred, std::uint32_t count) {
  if (std::ranges::all_of(preferred, [](const auto& hosts) { return hosts.empty(); }))
    return neighbours(preferred.size(), count);
  balance groups(preferred, count);
  const auto slack = preferred.size() / count / 10 + 1;
  std::vector<std::uint32_t> anywhere;
  for (std::uint32_t p = 0; p < preferred.size(); ++p) {
    const auto local = groups.smallest_of(preferred[p]);
    if (!local)
      anywhere.push_back(p); // what prefers a host goes first
    else
      groups.add(groups.size_of(*local) > groups.smallest_size() + slack ? groups.smallest() : *local, p);
  }
  for (const auto p : anywhere)
    groups.add(groups.smallest(), p);
  auto made = groups.finish();
  fill_empty(made);
  for (auto& one : made)
    std::ranges::sort(one.members);
  return made;
}

std::pair<std::vector<std::vector<std::uint32_t>>, std::vector<std::vector<std::string>>> coalesced(const lineage& parent,
                                                                                                    std::uint32_t count) {
  std::pair<std::vector<std::vector<std::uint32_t>>, std::vector<std::vector<std::string>>> made;
  if (count == 0)
    return made;
  std::vector<std::vector<std::string>> preferred(parent.partitions);
  const bool placed = has_places(parent);
  for (std::uint32_t p = 0; placed && p < parent.partitions; ++p)
    preferred[p] = preferred_hosts(parent, p);
  for (auto& one : group_partitions(preferred, count)) {
    made.first.push_back(std::move(one.members));
    if (placed)
      made.second.push_back(one.host.empty() ? std::vector<std::string>{} : std::vector{std::move(one.host)});
  }
  return made;
}

} // namespace salamander::core
