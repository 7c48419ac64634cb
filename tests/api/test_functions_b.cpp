#include "two_files.hpp"

namespace {

sal::rdd<int> job(const sal::rdd<int>& in) {
  return in.map([](int x) { return x * 10; });
}

} // namespace

sal::rdd<int> job_b(const sal::rdd<int>& in) {
  return job(in);
}
