#include <salamander/actors/cluster/application_contact.hpp>

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/log.hpp>

namespace salamander::actors {
namespace {

/// Longer than masters are silent by habit; our own timing decides.
constexpr std::chrono::seconds transport_silence_max{20};
constexpr std::chrono::milliseconds end_grace{1000};

using outgoing = std::variant<cluster::application_report, cluster::application_ended, piece>;

} // namespace

struct new_master {
  master_door door;
};
struct to_master {
  std::shared_ptr<const outgoing> what;
};

} // namespace salamander::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::new_master)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(salamander::actors::to_master)

namespace salamander::actors {
namespace {

using contact_actor = application_line::extend<caf::reacts_to<new_master>, caf::reacts_to<to_master>>;

struct contact_state {
  contact_events events;
  std::function<void(const std::string&)> seek;
  master_door master;
};

using contact_self = contact_actor::stateful_pointer<contact_state>;

void lose(contact_self self, const std::string& hint) {
  if (!self->state.master)
    return;
  self->demonitor(self->state.master.address());
  self->state.master = nullptr;
  self->state.events.changed(false);
  self->state.seek(hint);
}

contact_actor::behavior_type run_contact(contact_self self, const contact_events& events,
                                         const std::function<void(const std::string&)>& seek) {
  self->state.events = events;
  self->state.seek = seek;
  self->set_down_handler([self](const caf::down_msg& down) {
    if (self->state.master && down.source == self->state.master.address())
      lose(self, {});
  });
  const auto from_master = [self] { return self->state.master && self->current_sender() == self->state.master; };
  return {
      [=](const not_leading& message) {
        if (from_master())
          lose(self, message.leader);
      },
      [=](cluster::application_grants& message) {
        if (from_master())
          self->state.events.granted(std::move(message));
      },
      [=](const piece_stored& message) {
        if (from_master())
          self->state.events.stored(message);
      },
      [=](const new_master& message) {
        self->state.master = message.door;
        self->monitor(message.door);
        self->state.events.changed(true);
      },
      [=](const to_master& message) { std::visit([&](const auto& what) { tell(self, self->state.master, what); }, *message.what); },
  };
}

} // namespace

class application_contact::impl {
public:
  impl(const std::filesystem::path& directory, std::vector<net::address> masters, const contact_events& events)
      : host_(network_settings{client_credentials(directory), transport_silence_max, cluster_protocol()}) {
    actor_ = host_.system().spawn(run_contact, events, [this](const std::string& hint) { line_->seek(hint); });
    line_ = std::make_unique<master_line>(
        host_, std::move(masters), [this](const master_door& door) { post(actor_, new_master{door}); },
        [](const std::string& trouble) { log(log_level::warn, "no master can be reached: " + trouble); },
        [refused = events.refused](const std::string& trouble, bool hopeless) {
          if (hopeless)
            refused(trouble);
        });
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    if (!host_.end({caf::actor_cast<caf::actor>(actor_)}, end_grace))
      host_.abandon();
    actor_ = nullptr;
    line_.reset();
  }

  void say(outgoing what) {
    post(actor_, to_master{std::make_shared<const outgoing>(std::move(what))});
  }
  void seek() {
    line_->seek();
  }

private:
  actor_host host_;
  contact_actor actor_;
  std::unique_ptr<master_line> line_;
};

application_contact::application_contact(const std::filesystem::path& credentials_directory, std::vector<net::address> masters,
                                         const contact_events& events)
    : impl_(std::make_unique<impl>(credentials_directory, std::move(masters), events)) {}
application_contact::~application_contact() = default;

void application_contact::say(cluster::application_report what) {
  impl_->say(std::move(what));
}

void application_contact::say(cluster::application_ended what) {
  impl_->say(std::move(what));
}

void application_contact::say(piece what) {
  impl_->say(std::move(what));
}

void application_contact::seek() {
  impl_->seek();
}

} // namespace salamander::actors
