#include "yjs_messages.h"

#include "core/ydoc/lib0.h"

namespace converge::bridge {

namespace {

template <class Enum>
void write(std::string& out, Enum value) {
  lib0::write_uint(out, static_cast<std::uint64_t>(value));
}

// The longest of two numbers and a length.
constexpr std::size_t kLongestHead = 16;

template <class Write>
Frame frame(std::string_view prefix, YjsMessageType type, std::size_t size, Write&& rest) {
  std::string message;
  message.reserve(prefix.size() + kLongestHead + size);
  message += prefix;
  write(message, type);
  rest(message);
  return std::make_shared<OutgoingMessage>(message.size(), [&](std::string& out) { out += message; });
}

// The document, the type and the step.
bool read_head(Reader& in, bool named, YjsMessage* message, std::string* problem) {
  *message = YjsMessage{};
  if (named) message->document = lib0::read_bytes(in);
  message->type = static_cast<YjsMessageType>(lib0::read_uint(in));
  if (message->type != YjsMessageType::sync) return true;
  const std::uint64_t step = lib0::read_uint(in);
  if (step > static_cast<std::uint64_t>(YjsSync::update)) {
    *problem = "a sync message of unknown kind " + std::to_string(step);
    return false;
  }
  message->sync = static_cast<YjsSync>(step);
  return true;
}

}  // namespace

bool read_yjs_head(std::string_view bytes, bool named, YjsMessage* message, std::string* problem) {
  Reader in(bytes);
  if (!read_head(in, named, message, problem)) return false;
  if (in.failed()) *problem = "a message of which the beginning is malformed";
  return !in.failed();
}

bool read_yjs_message(std::string_view bytes, bool named, YjsMessage* message, std::string* problem) {
  Reader in(bytes);
  // Between Hocuspocus's sockets, not about a document.
  if (named && bytes.size() == 1) {
    *message = YjsMessage{};
    message->type = static_cast<YjsMessageType>(bytes[0]);
    if (message->type == YjsMessageType::ping || message->type == YjsMessageType::pong) return true;
  }
  if (!read_head(in, named, message, problem)) return false;
  bool known = true;
  switch (message->type) {
    case YjsMessageType::sync:
      message->body = lib0::read_bytes(in);
      break;
    case YjsMessageType::awareness:
      message->body = lib0::read_bytes(in);
      break;
    case YjsMessageType::query_awareness:
      break;
    case YjsMessageType::auth: {
      known = named;
      const std::uint64_t kind = lib0::read_uint(in);
      if (known && kind != static_cast<std::uint64_t>(YjsAuth::token)) {
        *problem = "an auth message of kind " + std::to_string(kind) + " from a client";
        return false;
      }
      message->body = lib0::read_bytes(in);
      break;
    }
    case YjsMessageType::stateless:
      known = named;
      message->body = lib0::read_bytes(in);
      break;
    case YjsMessageType::close:
      known = named;
      break;
    default:
      known = false;
  }
  if (!known) {
    *problem = "a message of unknown type " + std::to_string(static_cast<std::uint64_t>(message->type));
    return false;
  }
  if (in.failed()) {
    *problem = "a message of " + std::to_string(bytes.size()) + " bytes that ends too early";
    return false;
  }
  return true;
}

std::string yjs_prefix(std::string_view document) {
  std::string prefix;
  lib0::write_bytes(prefix, document);
  return prefix;
}

Frame yjs_sync_frame(std::string_view prefix, YjsSync step, std::string_view body) {
  return frame(prefix, YjsMessageType::sync, body.size(), [&](std::string& out) {
    write(out, step);
    lib0::write_bytes(out, body);
  });
}

Frame yjs_awareness_frame(std::string_view prefix, std::string_view update) {
  return frame(prefix, YjsMessageType::awareness, update.size(),
               [&](std::string& out) { lib0::write_bytes(out, update); });
}

Frame yjs_permission_denied_frame(std::string_view prefix, bool named, std::string_view reason) {
  return frame(prefix, YjsMessageType::auth, reason.size(), [&](std::string& out) {
    if (named) {
      write(out, YjsAuth::permission_denied);
    } else {
      lib0::write_uint(out, 0);
    }
    lib0::write_bytes(out, reason);
  });
}

Frame yjs_authenticated_frame(std::string_view prefix, std::string_view scope) {
  return frame(prefix, YjsMessageType::auth, scope.size(), [&](std::string& out) {
    write(out, YjsAuth::authenticated);
    lib0::write_bytes(out, scope);
  });
}

Frame yjs_sync_status_frame(std::string_view prefix, bool applied) {
  return frame(prefix, YjsMessageType::sync_status, 1, [&](std::string& out) { lib0::write_uint(out, applied ? 1 : 0); });
}

Frame yjs_stateless_frame(std::string_view prefix, std::string_view payload) {
  return frame(prefix, YjsMessageType::stateless, payload.size(),
               [&](std::string& out) { lib0::write_bytes(out, payload); });
}

Frame yjs_close_frame(std::string_view prefix, std::string_view reason) {
  return frame(prefix, YjsMessageType::close, reason.size(),
               [&](std::string& out) { lib0::write_bytes(out, reason); });
}

}  // namespace converge::bridge
