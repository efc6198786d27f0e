// A part of a document laid out flat, with what its views are into.
#pragma once

#include <cstdint>
#include <forward_list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/container/seeded_hash.h"
#include "core/sequence/sequence.h"

namespace converge {

// UnitIds index flat.replicas. Texts that are not held here are views into the
// bytes or the document that this was made of.
class FlatDocument {
 public:
  FlatSequence flat;

  // The number of a replica, or of a list, in `flat`.
  ClientIndex client(ReplicaId replica) {
    auto [at, added] = clients_.emplace(replica, static_cast<ClientIndex>(flat.replicas.size()));
    if (added) flat.replicas.push_back(replica);
    return at->second;
  }
  ListIndex list(const ListName& name) {
    auto [at, added] =
        lists_.emplace(name, static_cast<ListIndex>(flat.lists.size() + kFirstList));
    if (added) {
      flat.lists.push_back(name);
      content_bytes_ += name.root.size() + name.key.size();
    }
    return at->second;
  }

  std::string_view own(std::string text) { return texts_.emplace_front(std::move(text)); }
  const Content* own(std::vector<Content> contents) {
    for (const Content& content : contents) content_bytes_ += content.bytes();
    return contents_.emplace_front(std::move(contents)).data();
  }
  // Of what is owned but text, names of lists among it. A name that stands once in the bytes
  // may stand here for each that has it: who reads them has to look.
  std::size_t content_bytes() const { return content_bytes_; }
  // Copies of what the placeholders in the text hold, or null if there are none.
  const Content* contents_of(const Lists& lists, UnitId id, std::string_view text) {
    std::vector<Content> contents;
    for_each_placeholder(text, [&](std::uint32_t offset) {
      contents.push_back(*lists.content(id.plus(offset)));
    });
    return contents.empty() ? nullptr : own(std::move(contents));
  }

 private:
  std::unordered_map<ReplicaId, ClientIndex, SeededHash> clients_;
  std::map<ListName, ListIndex> lists_;
  std::size_t content_bytes_ = 0;
  // Lists of these cost nothing until there is one, and most keystrokes have none.
  std::forward_list<std::string> texts_;
  std::forward_list<std::vector<Content>> contents_;
};

}  // namespace converge
