#include <salamander/rdd/random_source.hpp>

#include <salamander/rdd/context.hpp>

#include <cmath>
#include <random>

namespace salamander {
namespace core {
namespace {

/// Calls use(distribution) with the law's own.
template <class Use>
decltype(auto) with_distribution(const random_law& law, Use&& use) {
  switch (law.how) {
  case random_law::kind::normal:
    return use(std::normal_distribution<double>(law.first, law.second));
  case random_law::kind::log_normal:
    return use(std::lognormal_distribution<double>(law.first, law.second));
  case random_law::kind::exponential:
    return use(std::exponential_distribution<double>(1 / law.first));
  case random_law::kind::gamma:
    return use(std::gamma_distribution<double>(law.first, law.second));
  case random_law::kind::poisson:
    return use(std::poisson_distribution<std::int64_t>(law.first));
  case random_law::kind::uniform:
    break;
  }
  return use(std::uniform_real_distribution<double>(0, 1));
}

template <class Distribution>
class random_stream final : public stream<double> {
public:
  random_stream(Distribution law, std::uint64_t seed, std::uint64_t count, task_context& context)
      : law_(std::move(law)), random_(seed), left_(count), context_(context), buffer_(context.batch_size<double>()) {}

  bool next(batch<double>& out) override {
    context_.poll();
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), left_));
    if (count == 0)
      return false;
    for (std::size_t i = 0; i < count; ++i)
      buffer_[i] = static_cast<double>(law_(random_));
    left_ -= count;
    context_.records_read += count;
    out = {buffer_.data(), count, nullptr, false};
    return true;
  }

private:
  Distribution law_;
  std::mt19937_64 random_;
  std::uint64_t left_;
  task_context& context_;
  std::vector<double> buffer_;
};

} // namespace

random_node::random_node(node_header&& header, random_law law, std::uint64_t count, std::uint64_t seed)
    : typed_node(std::move(header)), law_(law), count_(count), seed_(seed) {}

random_node::random_node(node_header&& header, byte_reader& in)
    : typed_node(std::move(header)), law_(read_value<random_law>(in)), count_(read_value<std::uint64_t>(in)),
      seed_(read_value<std::uint64_t>(in)) {
  if (flaw_of(law_) != nullptr || partitions == 0)
    byte_reader::corrupt("random numbers follow no law");
}

code_token random_node::token() const {
  return node_token<random_node>();
}

void random_node::encode(byte_writer& out) const {
  write_value(out, law_);
  write_value(out, count_);
  write_value(out, seed_);
}

std::unique_ptr<stream<double>> random_node::open(std::uint32_t p, task_context& context) const {
  const auto [first, last] = slice_of(count_, p, partitions);
  const auto own = mix(seed_ ^ 0x9e3779b97f4a7c15ULL, (std::uint64_t{p} << 1) | 1);
  return with_distribution(law_, [&, count = last - first](auto law) -> std::unique_ptr<stream<double>> {
    return std::make_unique<random_stream<decltype(law)>>(std::move(law), own, count, context);
  });
}

const char* flaw_of(const random_law& law) noexcept {
  using kind = random_law::kind;
  constexpr double mean_max = 1e15; // numbers and their sums stay exact integers
  if (law.how > kind::poisson)
    return "an unknown law";
  if (!std::isfinite(law.first) || !std::isfinite(law.second))
    return "parameters must be finite";
  if ((law.how == kind::normal || law.how == kind::log_normal) && law.second <= 0)
    return "the standard deviation must be positive";
  if (law.how == kind::gamma && (law.first <= 0 || law.second <= 0))
    return "shape and scale must be positive";
  if ((law.how == kind::exponential || law.how == kind::poisson) && (law.first <= 0 || law.first > mean_max))
    return "the mean must be positive, and at most 1e15";
  return nullptr;
}

} // namespace core

rdd<double> context::random(core::random_law law, std::int64_t count, std::optional<std::int64_t> partitions,
                            std::optional<std::uint64_t> seed, const char* operation, const where_t& where) const {
  const auto place = operation + (" at " + call_site::from(where).text());
  if (const auto* flaw = core::flaw_of(law))
    core::throw_error(errc::invalid_argument, place + ": " + flaw);
  if (count < 0)
    core::throw_error(errc::invalid_argument, place + ": the number of records must not be negative, but got " + std::to_string(count));
  const auto shape = partitions ? checked(operation, *partitions, where) : app_->default_parallelism();
  auto made = std::make_shared<core::random_node>(app_->header(operation, where, shape), law, static_cast<std::uint64_t>(count),
                                                  seed ? *seed : core::random_seed());
  app_->adopt(*made);
  return rdd<double>(std::move(made), app_);
}

rdd<double> context::random_uniform(std::int64_t count, std::optional<std::int64_t> partitions, std::optional<std::uint64_t> seed,
                                    where_t where) const {
  return random({core::random_law::kind::uniform, 0, 1}, count, partitions, seed, "random_uniform", where);
}

rdd<double> context::random_normal(std::int64_t count, std::optional<std::int64_t> partitions, std::optional<std::uint64_t> seed,
                                   where_t where) const {
  return random({core::random_law::kind::normal, 0, 1}, count, partitions, seed, "random_normal", where);
}

rdd<double> context::random_log_normal(double mean, double deviation, std::int64_t count, std::optional<std::int64_t> partitions,
                                       std::optional<std::uint64_t> seed, where_t where) const {
  return random({core::random_law::kind::log_normal, mean, deviation}, count, partitions, seed, "random_log_normal", where);
}

rdd<double> context::random_exponential(double mean, std::int64_t count, std::optional<std::int64_t> partitions,
                                        std::optional<std::uint64_t> seed, where_t where) const {
  return random({core::random_law::kind::exponential, mean, 1}, count, partitions, seed, "random_exponential", where);
}

rdd<double> context::random_gamma(double shape, double scale, std::int64_t count, std::optional<std::int64_t> partitions,
                                  std::optional<std::uint64_t> seed, where_t where) const {
  return random({core::random_law::kind::gamma, shape, scale}, count, partitions, seed, "random_gamma", where);
}

rdd<double> context::random_poisson(double mean, std::int64_t count, std::optional<std::int64_t> partitions,
                                    std::optional<std::uint64_t> seed, where_t where) const {
  return random({core::random_law::kind::poisson, mean, 1}, count, partitions, seed, "random_poisson", where);
}

} // namespace salamander
