#include "core/ydoc/update_writer.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/container/seeded_hash.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/struct_info.h"

namespace converge {

namespace {

// ---- the two formats: what update_reader.cpp reads -----------------------

class ColumnsV1 {
 public:
  void client(std::uint64_t client) { lib0::write_uint(rest, client); }
  void left(std::uint64_t client, std::uint64_t clock) { id(client, clock); }
  void right(std::uint64_t client, std::uint64_t clock) { id(client, clock); }
  void info(std::uint8_t info) { rest.push_back(static_cast<char>(info)); }
  void parent_is_root(bool root) { lib0::write_uint(rest, root); }
  void string(std::string_view text, std::uint32_t) { lib0::write_bytes(rest, text); }
  void key(const std::string& key) { lib0::write_bytes(rest, key); }
  void type(std::uint8_t type) { lib0::write_uint(rest, type); }
  void length(std::uint32_t length) { lib0::write_uint(rest, length); }
  void json(std::string_view value) {
    lib0::write_bytes(rest, is_undefined(value) ? "undefined" : json_of_any(value));
  }
  void begin_deletes() {}
  void deleted(std::uint32_t clock, std::uint32_t length) {
    lib0::write_uint(rest, clock);
    lib0::write_uint(rest, length);
  }
  std::string take() { return std::move(rest); }

  static bool is_undefined(std::string_view value) {
    return static_cast<AnyTag>(value.front()) == AnyTag::undefined;
  }

  std::string rest;

 private:
  void id(std::uint64_t client, std::uint64_t clock) {
    lib0::write_uint(rest, client);
    lib0::write_uint(rest, clock);
  }
};

class ColumnsV2 {
 public:
  void client(std::uint64_t client) { clients_.write(client); }
  void left(std::uint64_t client, std::uint64_t clock) {
    clients_.write(client);
    left_.write(clock);
  }
  void right(std::uint64_t client, std::uint64_t clock) {
    clients_.write(client);
    right_.write(clock);
  }
  void info(std::uint8_t info) { infos_.write(info); }
  void parent_is_root(bool root) { parents_.write(root); }
  void string(std::string_view text, std::uint32_t units) {
    text_.append(text);
    lengths_.write(units);
  }
  void key(const std::string& key) {
    auto [at, added] = known_.emplace(key, known_.size());
    keys_.write(at->second);
    if (added) string(key, measure(key).units);
  }
  void type(std::uint8_t type) { types_.write(type); }
  void length(std::uint32_t length) { sizes_.write(length); }
  void json(std::string_view value) { rest.append(value); }
  void begin_deletes() { deleted_to_ = 0; }
  void deleted(std::uint32_t clock, std::uint32_t length) {
    lib0::write_uint(rest, clock - deleted_to_);
    lib0::write_uint(rest, length - 1);
    deleted_to_ = clock + length;
  }

  std::string take() {
    std::string out;
    lib0::write_uint(out, 0);
    lib0::write_bytes(out, keys_.take());
    lib0::write_bytes(out, clients_.take());
    lib0::write_bytes(out, left_.take());
    lib0::write_bytes(out, right_.take());
    lib0::write_bytes(out, infos_.take());
    std::string strings;
    lib0::write_bytes(strings, text_);
    strings.append(lengths_.take());
    lib0::write_bytes(out, strings);
    lib0::write_bytes(out, parents_.take());
    lib0::write_bytes(out, types_.take());
    lib0::write_bytes(out, sizes_.take());
    out.append(rest);
    return out;
  }

  std::string rest;

 private:
  lib0::IntDiffOptRleWriter keys_;
  lib0::UintOptRleWriter clients_;
  lib0::IntDiffOptRleWriter left_;
  lib0::IntDiffOptRleWriter right_;
  lib0::RleWriter infos_;
  std::string text_;
  lib0::UintOptRleWriter lengths_;
  lib0::RleWriter parents_;
  lib0::UintOptRleWriter types_;
  lib0::UintOptRleWriter sizes_;
  std::unordered_map<std::string, std::size_t, SeededHash> known_;
  std::uint32_t deleted_to_ = 0;
};

// ---- what there is to write ----------------------------------------------

// One struct of an update. Of one kind of content it holds `length` units.
struct Struct {
  enum class Kind : std::uint8_t { gc, skip, deleted, text, content };
  Kind kind = Kind::skip;
  UnitId id;
  std::uint32_t length = 0;
  UnitId left;
  UnitId right;
  ListIndex list = kImplied;  // where it has no origins
  std::string_view text;
};

// The structs of one client beyond a clock, and its deleted ranges.
class ClientStructs {
 public:
  ClientStructs(const Sequence& document, ClientIndex client, std::uint32_t since)
      : document_(document), client_(client), since_(since) {}

  const std::vector<Struct>& structs() const { return structs_; }
  const std::vector<UnitRange>& deleted() const { return deleted_; }

  // A run of the tree: they come ascending by clock, those of dead lists as well.
  void run(RunTree::Place place) {
    const Run& run = place.run();
    gone_until(run.id.clock);
    const ListIndex list = document_.lists().list_of(run.id);
    if (list == kGone) return;
    reached_ = run.end();
    if (!open_ || !(run.id == run_.id.plus(run_.length) && run.left == run_.last &&
                    run.right == run_.right && run.visible() == run_.visible)) {
      close();
      open_ = true;
      run_ = {run.id, 0, run.left, run.right, list, run.visible(), kNoId};
      text_.clear();
    }
    run_.length += run.length;
    run_.last = run.last();
    text_.append(RunTree::text_of(place));
  }

  // Call it behind the last run. Adds what waits.
  void finish() {
    gone_until(document_.known(client_));
    close();
    const std::uint64_t first = UnitId{client_, 0}.key();
    const std::uint64_t end = UnitId{client_ + 1, 0}.key();
    for (auto at = document_.waiting().lower_bound(first);
         at != document_.waiting().end() && at->first < end; ++at) {
      const Sequence::Waiting& waiting = at->second;
      LooseRun run{{client_, static_cast<std::uint32_t>(at->first)}, waiting.length, waiting.left,
                   waiting.right, waiting.text, waiting.list};
      // Said as a deletion besides: who has the item already, and not deleted, takes
      // no notice of the struct.
      if (run.text.empty()) add_deleted(run.id, run.length);
      if (run.list == kGone) {
        add({Struct::Kind::gc, run.id, run.length, kNoId, kNoId, kImplied, {}});
      } else {
        add_run(run);
      }
    }
    for (auto at = document_.early().lower_bound(first);
         at != document_.early().end() && at->first < end; ++at) {
      add_deleted({client_, static_cast<std::uint32_t>(at->first)}, at->second);
    }
    join_deleted();
  }

 private:
  struct OpenRun {
    UnitId id;
    std::uint32_t length = 0;
    UnitId left;
    UnitId right;
    ListIndex list = kImplied;
    bool visible = false;
    UnitId last;
  };

  // What the tree does not show up to the clock is gone.
  void gone_until(std::uint32_t clock) {
    const Lists& lists = document_.lists();
    while (reached_ < clock) {
      const UnitId id{client_, reached_};
      const std::uint32_t end = lists.stretch_end(id, clock);
      close();
      if (lists.list_of(id) == kGone) {
        add({Struct::Kind::gc, id, end - reached_, kNoId, kNoId, kImplied, {}});
        add_deleted(id, end - reached_);
      }
      reached_ = end;
    }
  }

  void close() {
    if (!open_) return;
    open_ = false;
    LooseRun run{run_.id, run_.length, run_.left, run_.right, {}, run_.list};
    if (run_.visible) run.text = text_;
    if (!run_.visible) add_deleted(run.id, run.length);
    add_run(run);
  }

  void add_deleted(UnitId id, std::uint32_t length) {
    if (!deleted_.empty() && deleted_.back().id.plus(deleted_.back().length) == id) {
      deleted_.back().length += length;
    } else {
      deleted_.push_back({id, length});
    }
  }

  // What waits and what is deleted early stand in two lists.
  void join_deleted() {
    std::sort(deleted_.begin(), deleted_.end(),
              [](const UnitRange& a, const UnitRange& b) { return a.id.clock < b.id.clock; });
    for (const UnitRange& range : std::exchange(deleted_, {})) add_deleted(range.id, range.length);
  }

  void add(Struct one) {
    const std::uint32_t end = one.id.clock + one.length;
    if (end <= since_) return;
    if (one.id.clock < since_) {
      one.length = end - since_;
      one.id.clock = since_;
    }
    if (one.kind == Struct::Kind::gc && !structs_.empty() &&
        structs_.back().kind == Struct::Kind::gc &&
        structs_.back().id.plus(structs_.back().length) == one.id) {
      structs_.back().length += one.length;
      return;
    }
    const std::uint32_t expected = structs_.empty() ? one.id.clock
                                                    : structs_.back().id.clock + structs_.back().length;
    if (expected < one.id.clock) {
      structs_.push_back({Struct::Kind::skip, {client_, expected}, one.id.clock - expected, kNoId,
                          kNoId, kImplied, {}});
    }
    structs_.push_back(one);
  }

  // The run as items: text, and contents of one kind that Yjs lets stand together.
  void add_run(LooseRun run) {
    if (run.id.clock + run.length <= since_) return;
    std::string cut;
    if (run.id.clock < since_) {
      // Half a surrogate pair is not given alone.
      if (!run.text.empty()) {
        since_ = run.id.clock + measure_units(run.text.data(), since_ - run.id.clock).units;
      }
      if (run.id.clock < since_) run = rest_of(run, since_ - run.id.clock, cut);
    }
    if (run.text.empty()) {
      return add({Struct::Kind::deleted, run.id, run.length, run.left, run.right, run.list, {}});
    }
    std::string_view text = texts_.emplace_back(run.text);
    Struct one{Struct::Kind::text, run.id, 0, run.left, run.right, run.list, {}};
    while (!text.empty()) {
      std::size_t size;
      if (text.front() != kPlaceholder) {
        size = std::min(text.find(kPlaceholder), text.size());
        one.kind = Struct::Kind::text;
        one.length = measure(text.substr(0, size)).units;
      } else {
        const Lists& lists = document_.lists();
        const ContentKind kind = lists.content(one.id)->kind;
        const bool stands_together = kind == ContentKind::any || kind == ContentKind::json;
        size = 1;
        while (stands_together && size < text.size() && text[size] == kPlaceholder &&
               lists.content(one.id.plus(static_cast<std::uint32_t>(size)))->kind == kind) {
          ++size;
        }
        one.kind = Struct::Kind::content;
        one.length = static_cast<std::uint32_t>(size);
      }
      one.text = text.substr(0, size);
      text.remove_prefix(size);
      add(one);
      one.id = one.id.plus(one.length);
      one.left = one.id.before();
      one.list = kImplied;
    }
  }

  const Sequence& document_;
  ClientIndex client_;
  std::uint32_t since_;
  std::uint32_t reached_ = 0;
  bool open_ = false;
  OpenRun run_;
  std::string text_;
  std::vector<Struct> structs_;
  std::vector<UnitRange> deleted_;
  std::deque<std::string> texts_;
};

template <class Columns>
class UpdateWriter {
 public:
  explicit UpdateWriter(const Sequence& document) : document_(document) {}

  // `clients` descending by replica, as Yjs writes them. *deletions: how many bytes at
  // the end say what is deleted.
  std::string write(const std::vector<ClientStructs*>& clients, std::size_t* deletions) {
    std::size_t blocks = 0;
    std::size_t deleting = 0;
    for (const ClientStructs* client : clients) {
      blocks += !client->structs().empty();
      deleting += !client->deleted().empty();
    }
    lib0::write_uint(columns_.rest, blocks);
    for (const ClientStructs* client : clients) {
      const std::vector<Struct>& structs = client->structs();
      if (structs.empty()) continue;
      lib0::write_uint(columns_.rest, structs.size());
      columns_.client(replica(structs[0].id));
      lib0::write_uint(columns_.rest, structs[0].id.clock);
      for (const Struct& one : structs) write(one);
    }
    const std::size_t structs_end = columns_.rest.size();
    lib0::write_uint(columns_.rest, deleting);
    for (const ClientStructs* client : clients) {
      if (client->deleted().empty()) continue;
      columns_.begin_deletes();
      lib0::write_uint(columns_.rest, replica(client->deleted()[0].id));
      lib0::write_uint(columns_.rest, client->deleted().size());
      for (const UnitRange& range : client->deleted()) columns_.deleted(range.id.clock, range.length);
    }
    *deletions = columns_.rest.size() - structs_end;
    return columns_.take();
  }

 private:
  ReplicaId replica(UnitId id) const { return document_.replicas()[id.client]; }

  void write(const Struct& one) {
    if (one.kind == Struct::Kind::skip) {
      columns_.info(kSkipStruct);
      return lib0::write_uint(columns_.rest, one.length);
    }
    if (one.kind == Struct::Kind::gc) {
      columns_.info(kGcStruct);
      return columns_.length(one.length);
    }
    const ListName* list = nullptr;
    if (one.left.none() && one.right.none()) list = &document_.lists().list(one.list).name;
    std::uint8_t info = kDeletedContent;
    if (one.kind == Struct::Kind::text) info = kStringContent;
    if (one.kind == Struct::Kind::content) {
      info = static_cast<std::uint8_t>(document_.lists().content(one.id)->kind);
    }
    if (!one.left.none()) info |= kHasLeft;
    if (!one.right.none()) info |= kHasRight;
    if (list != nullptr && list->keyed) info |= kHasKey;
    columns_.info(info);
    if (!one.left.none()) columns_.left(replica(one.left), one.left.clock);
    if (!one.right.none()) columns_.right(replica(one.right), one.right.clock);
    if (list != nullptr) {
      columns_.parent_is_root(list->parent.none());
      if (list->parent.none()) {
        string(list->root);
      } else {
        columns_.left(replica(list->parent), list->parent.clock);
      }
      if (list->keyed) string(list->key);
    }
    if (one.kind == Struct::Kind::deleted) {
      columns_.length(one.length);
    } else if (one.kind == Struct::Kind::text) {
      columns_.string(one.text, one.length);
    } else {
      write_contents(one);
    }
  }

  void write_contents(const Struct& one) {
    const Content& first = *document_.lists().content(one.id);
    switch (first.kind) {
      case ContentKind::json:
      case ContentKind::any:
        columns_.length(one.length);
        for (std::uint32_t i = 0; i < one.length; ++i) {
          const Content& content = *document_.lists().content(one.id.plus(i));
          if (first.kind == ContentKind::any) {
            columns_.rest.append(content.value);
          } else {
            string(ColumnsV1::is_undefined(content.value) ? "undefined" : json_of_any(content.value));
          }
        }
        return;
      case ContentKind::binary:
        return lib0::write_bytes(columns_.rest, first.value);
      case ContentKind::embed:
        return columns_.json(first.value);
      case ContentKind::format:
        columns_.key(first.name);
        return columns_.json(first.value);
      case ContentKind::type:
        columns_.type(first.type);
        if (type_has_name(first.type)) columns_.key(first.name);
        return;
      case ContentKind::document:
        string(first.name);
        columns_.rest.append(first.value);
        return;
    }
  }

  void string(std::string_view text) { columns_.string(text, measure(text).units); }

  const Sequence& document_;
  Columns columns_;
};

}  // namespace

std::string write_update(const Sequence& document, const VersionVector& since, UpdateFormat format,
                         std::size_t* deletions) {
  std::vector<ClientStructs> by_client;
  by_client.reserve(document.replicas().size());
  for (ClientIndex client = 0; client < document.replicas().size(); ++client) {
    const std::uint64_t have = since.get(document.replicas()[client]);
    by_client.emplace_back(document, client,
                           static_cast<std::uint32_t>(std::min<std::uint64_t>(have, 0xffff'ffff)));
  }
  document.tree().for_each_by_id([&](RunTree::Place place) {
    if (!place.run().head()) by_client[place.run().id.client].run(place);
  });
  std::vector<ClientStructs*> ordered;
  for (ClientStructs& client : by_client) {
    client.finish();
    ordered.push_back(&client);
  }
  std::sort(ordered.begin(), ordered.end(), [&](const ClientStructs* a, const ClientStructs* b) {
    return document.replicas()[static_cast<std::size_t>(a - by_client.data())] >
           document.replicas()[static_cast<std::size_t>(b - by_client.data())];
  });
  std::size_t unasked;
  if (deletions == nullptr) deletions = &unasked;
  if (format == UpdateFormat::v1) return UpdateWriter<ColumnsV1>(document).write(ordered, deletions);
  return UpdateWriter<ColumnsV2>(document).write(ordered, deletions);
}

std::string write_state_vector(const Sequence& document) {
  std::vector<std::pair<ReplicaId, std::uint32_t>> known;
  for (ClientIndex client = 0; client < document.replicas().size(); ++client) {
    if (document.known(client) > 0) known.emplace_back(document.replicas()[client], document.known(client));
  }
  std::sort(known.begin(), known.end(), std::greater<>());
  std::string out;
  lib0::write_uint(out, known.size());
  for (const auto& [replica, clock] : known) {
    lib0::write_uint(out, replica);
    lib0::write_uint(out, clock);
  }
  return out;
}

}  // namespace converge
