#include <salamander/actors/actor_host.hpp>

#include <salamander/actors/cluster/messages.hpp>
#include <salamander/actors/quiet_threads.hpp>
#include <salamander/actors/tls_transport.hpp>

#include <fmt/format.h>

#include <caf/io/all.hpp>
#include <caf/io/basp_broker.hpp>

#include <random>
#include <thread>

namespace salamander::actors {
namespace {

/// CAF makes node ids from the machine and the process number, which containers share: two processes with number 1 would take each
/// other for themselves. This module replaces the id by a random one before the network starts.
class random_node_id final : public caf::actor_system::module {
public:
  explicit random_node_id(caf::actor_system& system) : system_(system) {}

  void start() override {}
  void stop() override {}
  void init(caf::actor_system_config&) override {
    std::random_device random;
    caf::node_id::default_data::host_id_type host{};
    for (auto& byte : host)
      byte = static_cast<std::uint8_t>(random());
    const_cast<caf::node_id&>(system_.node()) = caf::make_node_id(random(), host);
  }
  id_t id() const override {
    return network_manager;
  }
  void* subtype_ptr() override {
    return this;
  }
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>) {
    return new random_node_id(system); // NOLINT: the system owns it
  }

private:
  caf::actor_system& system_;
};

class host_config final : public caf::actor_system_config {
public:
  explicit host_config(const std::optional<network_settings>& network) {
    add_message_types<caf::id_block::salamander>();
    add_message_types<caf::id_block::salamander_cluster>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-throughput", std::size_t{100});
    set("scheduler.max-threads", std::size_t{2});
    if (!network)
      return;
    set("middleman.workers", std::size_t{0});
    // At each of these ticks CAF ends outgoing connections whose handshake is not over: on a busy machine, or far away, that takes
    // longer than the fraction of a second in which silence should be noticed. Executors and drivers have heartbeats of their own.
    set("middleman.heartbeat-interval", caf::timespan(network->silence_max / 4));
    set("middleman.connection-timeout", caf::timespan(network->silence_max));
    set("middleman.app-identifiers", std::vector<std::string>{network->protocol});
    load<caf::io::middleman>();
    load<random_node_id>();
  }
};

caf::actor basp_broker(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

} // namespace

std::string application_protocol() {
  return fmt::format("salamander/{}", protocol_version);
}

void on_own_thread(const std::function<void()>& f) {
  std::exception_ptr failure;
  std::thread([&] {
    try {
      f();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure)
    std::rethrow_exception(failure);
}

class actor_host::impl {
public:
  explicit impl(const std::optional<network_settings>& network)
      : keys(network ? std::make_shared<const net::tls_context>(network->keys) : nullptr), config(network) {
    const quiet_threads quiet;
    system.emplace(config);
  }

  const std::shared_ptr<const net::tls_context> keys; ///< null: no network
  host_config config;
  std::optional<caf::actor_system> system;
};

actor_host::actor_host(const std::optional<network_settings>& network) : impl_(std::make_unique<impl>(network)) {}
actor_host::~actor_host() = default;

caf::actor_system& actor_host::system() noexcept {
  return *impl_->system;
}

std::uint16_t actor_host::publish_any(caf::strong_actor_ptr door, std::set<std::string> types, const net::address& here) {
  auto [doorman, port] = listen_tls(system(), impl_->keys, here);
  caf::anon_send(basp_broker(system()), caf::publish_atom::value, std::move(doorman), port, std::move(door), std::move(types));
  return port;
}

caf::strong_actor_ptr actor_host::try_connect_any(const net::address& there, std::chrono::steady_clock::time_point deadline) {
  caf::scoped_actor self(system(), true);
  std::string failure;
  caf::strong_actor_ptr found;
  auto scribe = connect_tls(system(), *impl_->keys, there, deadline);
  const auto left =
      std::max(deadline - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration(std::chrono::milliseconds(1)));
  self->request(basp_broker(system()), caf::timespan(left), caf::connect_atom::value, std::move(scribe), there.port)
      .receive([&](caf::node_id&, caf::strong_actor_ptr& door, std::set<std::string>&) { found = std::move(door); },
               [&](caf::error& why) { failure = system().render(why); });
  if (!found)
    core::throw_error(errc::executor_lost, fmt::format("no connection to {}: {}", there.text(), failure));
  return found;
}

caf::strong_actor_ptr actor_host::connect_any(const net::address& there, std::chrono::steady_clock::time_point deadline) {
  // Longer than a handshake on a busy machine, shorter than the whole wait: a peer that stays silent is tried again.
  constexpr std::chrono::seconds handshake_max{5};
  for (auto pause = std::chrono::milliseconds(10);; pause = std::min(pause * 2, std::chrono::milliseconds(500))) {
    try {
      return try_connect_any(there, std::min(deadline, std::chrono::steady_clock::now() + handshake_max));
    } catch (const error&) {
      if (std::chrono::steady_clock::now() + pause >= deadline)
        throw;
    }
    std::this_thread::sleep_for(pause);
  }
}

bool actor_host::end(const std::vector<caf::actor>& actors, std::chrono::milliseconds grace) {
  caf::scoped_actor self(system(), true);
  std::size_t open = 0;
  for (const auto& one : actors)
    if (one) {
      self->monitor(one);
      ++open;
    }
  for (const auto reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    for (const auto& one : actors)
      if (one)
        self->send_exit(one, reason);
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (open > 0 && std::chrono::steady_clock::now() < deadline)
      self->receive([&](const caf::down_msg&) { --open; }, caf::after(std::chrono::milliseconds(20)) >> [] {});
    if (open == 0)
      return true;
  }
  return false;
}

void actor_host::abandon() noexcept {
  static_cast<void>(impl_.release());
}

} // namespace salamander::actors
