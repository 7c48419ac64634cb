#include "proxy/byte_proxy.hpp"

#include "proxy/pump.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <list>
#include <map>
#include <thread>
#include <type_traits>
#include <vector>

namespace chaos {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using endpoint = asio::generic::stream_protocol::endpoint;

constexpr std::chrono::milliseconds target_poll{10};
constexpr std::chrono::seconds target_wait_max{10};

/// A caller, the target, and a pump for each direction.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(proxy_socket caller, line_counts& counts, std::function<void(const connection*)> on_gone)
      : counts_(counts), on_gone_(std::move(on_gone)), caller_(std::move(caller)), target_(caller_.get_executor()),
        timer_(caller_.get_executor()) {}

  void begin(std::function<std::optional<endpoint>()> find_target) {
    deadline_ = std::chrono::steady_clock::now() + target_wait_max;
    look_for(std::move(find_target));
  }

  void suffer(const line_fault& fault) {
    fault_ = fault;
    const line_fault none;
    if (forth_)
      forth_->suffer(fault.where == direction::back ? none : fault);
    if (back_)
      back_->suffer(fault.where == direction::forth ? none : fault);
  }

  void reset() {
    ++counts_.resets;
    close(true);
  }

  /// Nothing is told to the proxy, which forgets this connection itself.
  void abandon() {
    on_gone_ = nullptr;
    close(false);
  }

private:
  void look_for(std::function<std::optional<endpoint>()> find_target) {
    if (const auto found = find_target())
      return connect(*found);
    if (std::chrono::steady_clock::now() > deadline_)
      return refuse();
    timer_.expires_after(target_poll);
    timer_.async_wait([self = shared_from_this(), find_target = std::move(find_target)](error_code failure) mutable {
      if (!failure)
        self->look_for(std::move(find_target));
    });
  }

  void connect(const endpoint& to) {
    target_.async_connect(to, [self = shared_from_this()](error_code failure) {
      if (self->closed_)
        return;
      if (failure)
        return self->refuse();
      self->start();
    });
  }

  void start() {
    for (auto* one : {&caller_, &target_}) {
      error_code ignored; // means nothing for Unix sockets
      one->set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    const auto ended = [self = weak_from_this()](pump::ending how) {
      if (const auto alive = self.lock())
        alive->half_ended(how);
    };
    forth_ = std::make_shared<pump>(caller_, target_, counts_, ended);
    back_ = std::make_shared<pump>(target_, caller_, counts_, ended);
    suffer(fault_);
    forth_->start();
    back_->start();
  }

  void half_ended(pump::ending how) {
    if (how == pump::ending::finished && ++halves_ended_ < 2)
      return;
    if (how == pump::ending::truncated)
      ++counts_.truncations;
    close(how == pump::ending::broken);
  }

  void refuse() {
    ++counts_.refused;
    close(false);
  }

  void close(bool as_reset) {
    if (std::exchange(closed_, true))
      return;
    // Handlers that are under way still look at the pumps: they go with this object, in a turn of its own.
    asio::post(timer_.get_executor(), [self = shared_from_this()] {
      if (self->on_gone_)
        self->on_gone_(self.get());
    });
    timer_.cancel();
    for (auto* one : {forth_.get(), back_.get()})
      if (one)
        one->stop();
    for (auto* one : {&caller_, &target_}) {
      error_code ignored;
      if (as_reset)
        one->set_option(asio::socket_base::linger(true, 0), ignored);
      one->close(ignored);
    }
  }

  line_counts& counts_;
  std::function<void(const connection*)> on_gone_;
  proxy_socket caller_;
  proxy_socket target_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  std::shared_ptr<pump> forth_;
  std::shared_ptr<pump> back_;
  line_fault fault_;
  int halves_ended_ = 0;
  bool closed_ = false;
};

} // namespace

class byte_proxy::impl {
public:
  impl() : work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  ~impl() {
    in_thread([this] {
      while (!lines_.empty())
        drop(lines_.begin());
    });
    work_.reset();
    thread_.join();
  }

  /// Runs f on the proxy's thread and returns what it returns.
  template <class F>
  std::invoke_result_t<F&> in_thread(F f) {
    std::packaged_task<std::invoke_result_t<F&>()> task(std::move(f));
    auto done = task.get_future();
    asio::post(io_, [&task] { task(); });
    return done.get();
  }

  void listen(const std::string& name, const endpoint& at, std::function<std::optional<endpoint>()> find_target) {
    auto made = std::make_shared<line>(io_);
    made->acceptor.open(at.protocol());
    made->acceptor.bind(at);
    made->acceptor.listen();
    made->find_target = std::move(find_target);
    lines_[name] = made;
    accept(made);
  }

  struct line {
    explicit line(asio::io_context& io) : acceptor(io) {}

    asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor;
    std::function<std::optional<endpoint>()> find_target;
    std::filesystem::path path; ///< of a Unix socket
    line_fault fault;           ///< of connections to come
    std::list<std::shared_ptr<connection>> connections;
    bool closed = false;
  };

  void drop(std::map<std::string, std::shared_ptr<line>>::iterator at) {
    const auto gone = at->second;
    lines_.erase(at);
    gone->closed = true;
    error_code ignored;
    gone->acceptor.close(ignored);
    std::error_code not_there;
    if (!gone->path.empty())
      std::filesystem::remove(gone->path, not_there);
    for (const auto& one : gone->connections)
      one->abandon();
    gone->connections.clear();
  }

  /// The connections that `which` means.
  std::vector<std::shared_ptr<connection>> chosen(const line& from, std::optional<std::size_t> which) const {
    if (!which)
      return {from.connections.begin(), from.connections.end()};
    if (*which >= from.connections.size())
      return {};
    return {*std::next(from.connections.begin(), static_cast<std::ptrdiff_t>(*which))};
  }

  std::map<std::string, std::shared_ptr<line>>& lines() noexcept {
    return lines_;
  }
  const line_counts& counts() const noexcept {
    return counts_;
  }

private:
  void accept(const std::shared_ptr<line>& on) {
    on->acceptor.async_accept([this, on](error_code failure, proxy_socket caller) {
      if (on->closed)
        return;
      if (!failure) {
        ++counts_.accepted;
        auto made = std::make_shared<connection>(std::move(caller), counts_, [on = std::weak_ptr(on)](const connection* gone) {
          if (const auto alive = on.lock())
            alive->connections.remove_if([gone](const auto& one) { return one.get() == gone; });
        });
        on->connections.push_back(made);
        made->suffer(on->fault);
        made->begin(on->find_target);
      }
      accept(on);
    });
  }

  line_counts counts_;
  std::map<std::string, std::shared_ptr<line>> lines_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

byte_proxy::byte_proxy() : impl_(std::make_unique<impl>()) {}
byte_proxy::~byte_proxy() = default;

std::uint16_t byte_proxy::listen_tcp(const std::string& name, std::function<std::uint16_t()> target_port) {
  return impl_->in_thread([&] {
    const auto loopback = asio::ip::address_v4::loopback();
    impl_->listen(name, asio::ip::tcp::endpoint(loopback, 0), [ask = std::move(target_port), loopback]() -> std::optional<endpoint> {
      if (const auto port = ask(); port != 0)
        return asio::ip::tcp::endpoint(loopback, port);
      return std::nullopt;
    });
    sockaddr_in bound{};
    const auto local = impl_->lines().at(name)->acceptor.local_endpoint();
    std::memcpy(&bound, local.data(), std::min(sizeof bound, local.size()));
    return static_cast<std::uint16_t>(ntohs(bound.sin_port));
  });
}

void byte_proxy::listen_unix(const std::string& name, const std::filesystem::path& path, const std::filesystem::path& target) {
  impl_->in_thread([&] {
    impl_->listen(name, asio::local::stream_protocol::endpoint(path.string()),
                  [target] { return std::optional<endpoint>(asio::local::stream_protocol::endpoint(target.string())); });
    impl_->lines().at(name)->path = path;
  });
}

bool byte_proxy::listens(const std::string& name) const {
  return impl_->in_thread([&] { return impl_->lines().contains(name); });
}

void byte_proxy::close(const std::string& name) {
  impl_->in_thread([&] {
    if (const auto at = impl_->lines().find(name); at != impl_->lines().end())
      impl_->drop(at);
  });
}

std::size_t byte_proxy::connections(const std::string& name) const {
  return impl_->in_thread([&] {
    const auto at = impl_->lines().find(name);
    return at == impl_->lines().end() ? std::size_t{0} : at->second->connections.size();
  });
}

void byte_proxy::afflict(const std::string& name, std::optional<std::size_t> which, const line_fault& fault) {
  impl_->in_thread([&] {
    const auto at = impl_->lines().find(name);
    if (at == impl_->lines().end())
      return;
    if (!which)
      at->second->fault = fault;
    for (const auto& one : impl_->chosen(*at->second, which))
      one->suffer(fault);
  });
}

void byte_proxy::reset(const std::string& name, std::optional<std::size_t> which) {
  impl_->in_thread([&] {
    if (const auto at = impl_->lines().find(name); at != impl_->lines().end())
      for (const auto& one : impl_->chosen(*at->second, which))
        one->reset();
  });
}

void byte_proxy::heal() {
  impl_->in_thread([&] {
    for (auto& [name, line] : impl_->lines()) {
      line->fault = {};
      for (const auto& one : line->connections)
        one->suffer({});
    }
  });
}

byte_proxy::totals byte_proxy::counts() const {
  const auto& all = impl_->counts();
  return {all.accepted, all.refused, all.resets, all.truncations, all.bytes, all.flipped_bits, all.held, all.delayed, all.trickled};
}

} // namespace chaos
