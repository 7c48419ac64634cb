#include <salamander/rdd/lineage.hpp>

#include <salamander/rdd/error.hpp>

namespace salamander::core {

std::vector<std::uint32_t> dependency::parents_of(std::uint32_t p) const {
  switch (how) {
  case kind::one_to_one:
    return {p};
  case kind::shifted:
    if (p >= shift.first && p - shift.first < shift.count)
      return {p - shift.first};
    return {};
  case kind::grouped:
    return groups.at(p);
  case kind::crossed:
    return {p / cross.divisor % cross.modulus};
  case kind::wide:
    break;
  }
  throw_error(errc::internal, "a wide dependency has no single parents");
}

// A chain of a hundred thousand narrow operations must not unwind the stack when it goes: parents that nobody else holds are
// taken apart in a loop.
lineage::~lineage() {
  std::vector<std::shared_ptr<const lineage>> doomed;
  for (auto& d : dependencies)
    doomed.push_back(std::move(d.parent));
  while (!doomed.empty()) {
    auto one = std::move(doomed.back());
    doomed.pop_back();
    if (one && one.use_count() == 1)
      for (auto& d : const_cast<lineage&>(*one).dependencies)
        doomed.push_back(std::move(d.parent));
  }
}

std::string lineage::title() const {
  return operation + " at " + site.text();
}

} // namespace salamander::core
