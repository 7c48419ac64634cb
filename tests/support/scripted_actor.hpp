// Actors that a test plays: they do what its handlers say, and hear everything else of their interface in silence.
#pragma once

#include <salamander/actors/interfaces.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace test_support {
namespace detail {

/// One handler for each message that matters.
template <class... Handlers>
struct script : Handlers... {
  using Handlers::operator()...;
};

template <class Pointer, class Handler, class... Messages>
constexpr bool hears_any = ((std::is_invocable_v<Handler&, const Messages&> || std::is_invocable_v<Handler&, Pointer, const Messages&>) ||
                            ...);

template <class Script, class Pointer, class Message>
void play([[maybe_unused]] Script& whole, [[maybe_unused]] Pointer self, [[maybe_unused]] const Message& message) {
  if constexpr (std::is_invocable_v<Script&, Pointer, const Message&>)
    whole(self, message);
  else if constexpr (std::is_invocable_v<Script&, const Message&>)
    whole(message);
}

template <class Actor, class... Handlers, class... Messages>
Actor spawn(caf::actor_system& system, const std::shared_ptr<script<Handlers...>>& whole,
            caf::detail::type_list<caf::typed_mpi<caf::detail::type_list<Messages>, caf::output_tuple<void>>...>) {
  using pointer = typename Actor::pointer;
  using behavior = typename Actor::behavior_type;
  static_assert((hears_any<pointer, Handlers, Messages...> && ...), "a handler takes a message that is not of the actor's interface");
  // All messages share one script, and so the state of its handlers.
  return system.spawn([whole](pointer self) -> behavior { return {[=](const Messages& message) { play(*whole, self, message); }...}; });
}

} // namespace detail

/// An actor all of whose messages are one-way. A handler is called as handler(message), or as handler(self, message) when it wants to
/// know the sender or to send; of messages for which there is none, nothing is done. Handlers run in the actor: what they share with
/// threads of the test wants a lock.
template <class Actor, class... Handlers>
Actor spawn_scripted(caf::actor_system& system, Handlers... handlers) {
  using script = detail::script<Handlers...>;
  return detail::spawn<Actor>(system, std::make_shared<script>(script{std::move(handlers)...}), typename Actor::signatures{});
}

} // namespace test_support
