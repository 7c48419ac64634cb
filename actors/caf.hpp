// The only header that includes the actor framework; a newer one is a change of this file and of actor_host.cpp.
#pragma once

#include <salamander/actors/wire.hpp>

#include <caf/all.hpp>

namespace salamander::actors {

/// No control message is larger. Blocks, large plans and large results travel over block connections.
inline constexpr std::size_t control_message_bytes_max = 1U << 20;
/// What the numbering of a message may add to that.
inline constexpr std::size_t envelope_bytes_max = 128;

/// Makes every wire_message known to the framework; found by argument-dependent look-up.
template <class Inspector, wire_message T>
typename Inspector::result_type inspect(Inspector& f, T& message) {
  std::string bytes;
  if constexpr (Inspector::reads_state)
    bytes = encode_message(message);
  return f(caf::meta::type_name(T::wire_name), bytes, caf::meta::load_callback([&]() -> caf::error {
             try {
               decode_message(bytes, message);
               return caf::none;
             } catch (const error&) {
               return caf::make_error(caf::sec::invalid_argument);
             }
           }));
}

/// Sends one message from an actor. Errors: errc::internal when a message to another process is larger than control messages may
/// be, which its maker has to prevent by splitting it.
template <class Self, class Handle, class T>
void tell(Self* self, const Handle& to, T message) {
  if constexpr (requires { message.wire_bytes(); })
    if (to && to.node() != self->node() && message.wire_bytes() > control_message_bytes_max + envelope_bytes_max)
      core::throw_error(errc::internal, std::string("a control message is too large: ") + T::wire_name);
  if (to)
    self->send(to, std::move(message));
}

/// Sends one message from outside of actors. Threads: any.
template <class Handle, class T>
void post(const Handle& to, T message) {
  if (to)
    caf::anon_send(to, std::move(message));
}

/// Sends a message to the actor itself after some time of the framework's clock, which tests replace.
template <class Self, class Duration, class T>
void remind(Self* self, Duration after, T message) {
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(after), std::move(message));
}

template <class Self>
std::chrono::steady_clock::time_point now(Self* self) {
  return self->clock().now();
}

} // namespace salamander::actors
