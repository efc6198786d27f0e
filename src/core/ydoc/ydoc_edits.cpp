// Edits made here, as updates of the writing replica.
#include <algorithm>
#include <utility>
#include <vector>

#include "core/codec/utf8.h"
#include "core/sequence/sequence.h"
#include "core/sequence/text.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/ydoc.h"
#include "core/ydoc/ydoc_codec.h"

namespace converge {

namespace {

Error bad_utf8(const char* what) {
  return Error{ErrorCode::malformed, std::string(what) + " is not valid UTF-8, or holds U+0000", ""};
}

// Goes through the characters and items of a list that have a position.
class Walk {
 public:
  Walk(const Sequence& document, ListIndex list) : document_(document) {
    if (list == kGone || !document.lists().list(list).begun) return;
    place_ = document.head(list);
    next_run();
  }

  bool at_end() const { return !place_.valid(); }
  UnitId unit() const { return unit_; }
  // How many units the character has.
  std::uint32_t units() const { return units_of_bytes(utf8_bytes_of(text_.front())); }

  void step() {
    advance();
    settle();
  }

 private:
  void advance() {
    unit_ = unit_.plus(units());
    text_.remove_prefix(utf8_bytes_of(text_.front()));
    if (text_.empty()) next_run();
  }

  // Leaves marks behind.
  void settle() {
    while (!at_end() && text_.front() == kPlaceholder &&
           !document_.lists().content(unit_)->countable()) {
      advance();
    }
  }

  void next_run() {
    do {
      place_ = RunTree::next(place_);
      if (place_.valid() && place_.run().head()) place_ = {};
    } while (place_.valid() && !place_.run().visible());
    if (!place_.valid()) return;
    unit_ = place_.run().id;
    text_ = RunTree::text_of(place_);
    settle();
  }

  const Sequence& document_;
  RunTree::Place place_;
  UnitId unit_ = kNoId;
  std::string_view text_;
};

Error out_of_range(std::uint64_t at, std::uint64_t length) {
  return Error{ErrorCode::out_of_range, "position " + std::to_string(at) + " is out of range",
               "there are " + std::to_string(length) + " characters or items"};
}

ListName root_list(std::string_view root) {
  ListName name;
  name.root = root;
  return name;
}

// What stands behind the unit in its list, deleted or not, or kNoId.
UnitId unit_behind(const Sequence& document, UnitId unit) {
  RunTree::Place place = document.tree().find(unit);
  if (place.run().last() != unit) return unit.plus(1);
  place = RunTree::next(place);
  return place.valid() && !place.run().head() ? place.run().id : kNoId;
}

// The last unit of a list that may have begun, or kNoId.
UnitId last_unit(const Sequence& document, ListIndex list) {
  UnitId last = kNoId;
  if (list == kGone || !document.lists().list(list).begun) return last;
  for_each_run(document, list, [&](RunTree::Place place) { last = place.run().last(); });
  return last;
}

UnitId translated(const Sequence& document, FlatDocument& change, UnitId id) {
  return id.none() ? id : UnitId{change.client(document.replicas()[id.client]), id.clock};
}

}  // namespace

// The replica's number in the change, once so many units under it are allowed.
Result<ClientIndex> YDoc::writer(FlatDocument& change, ReplicaId replica, std::uint64_t units) const {
  if (replica >= kReplicaLimit) {
    return Error{ErrorCode::invalid, "replica " + std::to_string(replica) + " is out of range",
                 "replicas are below 2^53"};
  }
  const ClientIndex client = sequence_->find_client(replica);
  if (client != kNoId.client) {
    if (sequence_->has_pending_of(client)) {
      return Error{ErrorCode::invalid,
                   "replica " + std::to_string(replica) + " cannot edit: edits of its own are pending",
                   "their identifiers would be given twice"};
    }
    if (units > kMaxTextClock - sequence_->known(client)) {
      return Error{ErrorCode::too_large, "replica " + std::to_string(replica) + " has no clocks left",
                   "clocks are below 4294967295"};
    }
  }
  return change.client(replica);
}

Result<void> YDoc::make(const FlatDocument& change, std::string* delta) {
  if (!sequence_->add(change.flat)) {
    return Error{ErrorCode::too_large, "ydoc would grow beyond its bounds", ""};
  }
  if (delta != nullptr) {
    YDoc alone;
    alone.sequence_->add(change.flat);
    *delta = alone.encode();
  }
  return {};
}

Result<void> YDoc::insert_text(ReplicaId replica, std::string_view root, std::uint64_t at,
                               std::string_view utf8, std::string* delta) {
  if (!is_valid_text(root)) return bad_utf8("name");
  if (!is_valid_text(utf8)) return bad_utf8("text");
  UnitId left = kNoId;
  const ListName name = root_list(root);
  const ListIndex list = sequence_->lists().find(name);
  std::uint64_t passed = 0;
  for (Walk walk(*sequence_, list); passed < at; walk.step(), ++passed) {
    if (walk.at_end()) return out_of_range(at, passed);
    left = walk.unit().plus(walk.units() - 1);
  }
  if (sequence_->tree().bytes() + utf8.size() > kMaxTextBytes) {
    return Error{ErrorCode::too_large, "ydoc would grow beyond its bounds",
                 "at most " + std::to_string(kMaxTextBytes) + " bytes of text"};
  }
  FlatDocument change;
  if (!utf8.empty()) {
    const std::uint32_t units = measure(utf8).units;
    Result<ClientIndex> client = writer(change, replica, units);
    if (!client) return client.error();
    UnitId right = kNoId;
    if (!left.none()) {
      right = unit_behind(*sequence_, left);
    } else if (list != kGone && sequence_->lists().list(list).begun) {
      right = RunTree::next(sequence_->head(list)).run().id;
    }
    const ClientIndex known = sequence_->find_client(replica);
    LooseRun run{{*client, known == kNoId.client ? 0 : sequence_->known(known)}, units,
                 translated(*sequence_, change, left), translated(*sequence_, change, right), utf8};
    if (left.none() && right.none()) run.list = change.list(name);
    change.flat.waiting.push_back(run);
  }
  return make(change, delta);
}

Result<void> YDoc::erase(std::string_view root, std::uint64_t at, std::uint64_t count,
                         std::string* delta) {
  FlatDocument change;
  std::uint64_t passed = 0;
  for (Walk walk(*sequence_, sequence_->lists().find(root_list(root)));
       passed < at || passed - at < count; walk.step(), ++passed) {
    if (walk.at_end()) return out_of_range(std::max(at, at + count), passed);
    if (passed < at) continue;
    const UnitId id = translated(*sequence_, change, walk.unit());
    std::vector<UnitRange>& deleted = change.flat.deleted;
    if (!deleted.empty() && deleted.back().id.plus(deleted.back().length) == id) {
      deleted.back().length += walk.units();
    } else {
      deleted.push_back({id, walk.units()});
    }
  }
  return make(change, delta);
}

Result<void> YDoc::set_key(ReplicaId replica, std::string_view root, std::string_view key,
                           std::string_view json, std::string* delta) {
  if (!is_valid_text(root) || !is_valid_text(key)) return bad_utf8("name");
  ListName name = root_list(root);
  name.keyed = true;
  name.key = key;
  std::vector<Content> content(1);
  if (auto read = append_any_of_json(content[0].value, json); !read) return read.error();
  FlatDocument change;
  Result<ClientIndex> client = writer(change, replica, 1);
  if (!client) return client.error();
  const ClientIndex known = sequence_->find_client(replica);
  const UnitId left = last_unit(*sequence_, sequence_->lists().find(name));
  LooseRun run{{*client, known == kNoId.client ? 0 : sequence_->known(known)}, 1,
               translated(*sequence_, change, left), kNoId, change.own(std::string(1, kPlaceholder))};
  run.contents = change.own(std::move(content));
  if (left.none()) run.list = change.list(name);
  change.flat.waiting.push_back(run);
  return make(change, delta);
}

Result<void> YDoc::erase_key(std::string_view root, std::string_view key, std::string* delta) {
  ListName name = root_list(root);
  name.keyed = true;
  name.key = key;
  FlatDocument change;
  const UnitId last = last_unit(*sequence_, sequence_->lists().find(name));
  if (!last.none() && sequence_->tree().find(last).run().visible()) {
    change.flat.deleted.push_back({translated(*sequence_, change, last), 1});
  }
  return make(change, delta);
}

}  // namespace converge
