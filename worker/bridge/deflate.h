// permessage-deflate (RFC 7692) without a context kept from one message to the
// next: what the bridge agrees on, so that a connection needs no window.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace converge::bridge {

// The answer to a client's Sec-WebSocket-Extensions, all its lines joined by
// commas: the parameters of the first offer that can be accepted, or nothing.
std::optional<std::string> accept_deflate(std::string_view offers);

// The payload of a compressed message.
std::string deflate_message(std::string_view message);

// Nothing when the payload is damaged or gives more than `longest` bytes;
// *too_long tells which.
std::optional<std::string> inflate_message(std::string_view payload, std::size_t longest, bool* too_long);

// The first `most` bytes of a message whose payload, or the beginning of it, this is; as far
// as they can be had.
std::string inflate_beginning(std::string_view payload, std::size_t most);

}  // namespace converge::bridge
