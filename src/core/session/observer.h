// Notes which fields of a session change while it does something, and how the
// texts among them change.
#pragma once

#include <map>
#include <string>

#include "core/session/document_session.h"

namespace converge::session {

class DocumentSession::Observer {
 public:
  explicit Observer(const DocumentSession& session) : session_(session) {}

  // To be called before the visible value of the field changes. Whether it was
  // the first time.
  bool touch(const std::string& name, const LiveField& visible) {
    auto [at, added] = before_.try_emplace(name);
    if (!added || !session_.observe_text_) return added;
    if (const Text* text = visible.get<Text>()) at->second = text->text();
    return added;
  }

  Update finish() const {
    Update update;
    update.deleted = session_.deleted_;
    update.needs_pull = session_.needs_pull();
    for (const auto& [name, before] : before_) {
      Update::Field field{name, {}};
      const Text* text = session_.find_text(name);
      if (session_.observe_text_ && text != nullptr) {
        auto splice = splice_between(before, text->text());
        if (!splice) continue;
        field.splices.push_back(std::move(*splice));
      }
      update.fields.push_back(std::move(field));
    }
    return update;
  }

 private:
  const DocumentSession& session_;
  std::map<std::string, std::string> before_;
};

}  // namespace converge::session
