// One Yjs provider's connection: y-websocket's, which is about the document in its
// URL, or Hocuspocus's, which carries many, each opened by a message with a token.
#pragma once

#include <memory>
#include <string>

#include "conversation.h"
#include "yjs_request.h"

namespace converge::bridge {

std::shared_ptr<Conversation> make_yjs_session(const Services& services, Transport& transport, std::string peer,
                                               YjsRequest request);

}  // namespace converge::bridge
