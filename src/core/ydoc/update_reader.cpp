#include "core/ydoc/update_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/codec/utf8.h"
#include "core/sequence/text.h"
#include "core/ydoc/any_value.h"
#include "core/ydoc/lib0.h"
#include "core/ydoc/struct_info.h"

namespace converge {

namespace {

// ---- the two formats -----------------------------------------------------

// Version 1: all in one row.
class ColumnsV1 {
 public:
  ColumnsV1(Reader& in, FlatDocument&) : rest(in) {}

  bool failed() const { return rest.failed(); }
  std::uint64_t client() { return lib0::read_uint(rest); }
  std::pair<std::uint64_t, std::uint64_t> left() { return id(); }
  std::pair<std::uint64_t, std::uint64_t> right() { return id(); }
  std::uint8_t info() { return rest.byte(); }
  bool parent_is_root() { return lib0::read_uint(rest) == 1; }
  std::string_view string() { return lib0::read_bytes(rest); }
  std::string_view key() { return lib0::read_bytes(rest); }
  std::uint64_t type() { return lib0::read_uint(rest); }
  std::uint64_t length() { return lib0::read_uint(rest); }
  void json(std::string& out) {
    if (!append_any_of_json(out, lib0::read_bytes(rest))) rest.fail("a value is no valid JSON");
  }
  void begin_deletes() {}
  std::uint64_t delete_clock() { return lib0::read_uint(rest); }
  std::uint64_t delete_length() { return lib0::read_uint(rest); }

  Reader& rest;

 private:
  std::pair<std::uint64_t, std::uint64_t> id() {
    const std::uint64_t client = lib0::read_uint(rest);
    return {client, lib0::read_uint(rest)};
  }
};

// Version 2: a column for each kind of number, run-length coded, and one for all
// strings, whose lengths are in UTF-16 units.
class ColumnsV2 {
 public:
  ColumnsV2(Reader& in, FlatDocument& document) : rest(in), document_(document) {
    lib0::read_uint(rest);  // flags, unused
    keys_ = lib0::IntDiffOptRleReader(lib0::read_bytes(rest));
    clients_ = lib0::UintOptRleReader(lib0::read_bytes(rest));
    left_ = lib0::IntDiffOptRleReader(lib0::read_bytes(rest));
    right_ = lib0::IntDiffOptRleReader(lib0::read_bytes(rest));
    infos_ = lib0::RleReader(lib0::read_bytes(rest));
    Reader strings(lib0::read_bytes(rest));
    text_ = lib0::read_bytes(strings);
    if (strings.failed() || find_invalid_text(text_) != kTextOk) {
      rest.fail("the strings are not valid UTF-8, or hold U+0000");
      text_ = {};
    }
    lengths_ = lib0::UintOptRleReader(strings.rest());
    parents_ = lib0::RleReader(lib0::read_bytes(rest));
    types_ = lib0::UintOptRleReader(lib0::read_bytes(rest));
    sizes_ = lib0::UintOptRleReader(lib0::read_bytes(rest));
  }

  bool failed() {
    if (keys_.failed() || clients_.failed() || left_.failed() || right_.failed() ||
        infos_.failed() || lengths_.failed() || parents_.failed() || types_.failed() ||
        sizes_.failed()) {
      rest.fail("a column ends too early");
    }
    return rest.failed();
  }
  std::uint64_t client() { return clients_.read(); }
  std::pair<std::uint64_t, std::uint64_t> left() {
    const std::uint64_t client = clients_.read();
    return {client, left_.read()};
  }
  std::pair<std::uint64_t, std::uint64_t> right() {
    const std::uint64_t client = clients_.read();
    return {client, right_.read()};
  }
  std::uint8_t info() { return infos_.read(); }
  bool parent_is_root() { return parents_.read() == 1; }

  // The next units of the text. Where they begin or end inside a surrogate pair,
  // that half is U+FFFD.
  std::string_view string() {
    std::uint64_t units = lengths_.read();
    std::string_view before;
    if (half_ && units > 0) {
      before = kReplacement;
      half_ = false;
      --units;
    }
    if (units > text_.size()) {
      rest.fail("a string ends too early");
      return {};
    }
    std::size_t at = 0;
    std::uint64_t left = units;
    while (left > 0 && at < text_.size()) {
      const std::uint32_t bytes = utf8_bytes_of(text_[at]);
      if (units_of_bytes(bytes) > left) break;
      left -= units_of_bytes(bytes);
      at += bytes;
    }
    const std::string_view whole = text_.substr(0, at);
    text_.remove_prefix(at);
    if (left > 0 && text_.empty()) rest.fail("a string ends too early");
    if (left == 0 && before.empty()) return whole;
    std::string cut(before);
    cut.append(whole);
    if (left > 0 && !text_.empty()) {
      text_.remove_prefix(4);
      cut.append(kReplacement);
      half_ = true;
    }
    return document_.own(std::move(cut));
  }

  std::string_view key() {
    const std::uint64_t number = keys_.read();
    if (number < known_.size()) return known_[number];
    known_.push_back(string());
    return known_.back();
  }
  std::uint64_t type() { return types_.read(); }
  std::uint64_t length() { return sizes_.read(); }
  void json(std::string& out) { read_any(rest, out); }
  void begin_deletes() { delete_at_ = 0; }
  std::uint64_t delete_clock() { return delete_at_ += lib0::read_uint(rest); }
  std::uint64_t delete_length() {
    const std::uint64_t length = lib0::read_uint(rest) + 1;
    delete_at_ += length;
    return length;
  }

  Reader& rest;

 private:
  FlatDocument& document_;
  lib0::IntDiffOptRleReader keys_;
  lib0::UintOptRleReader clients_;
  lib0::IntDiffOptRleReader left_;
  lib0::IntDiffOptRleReader right_;
  lib0::RleReader infos_;
  std::string_view text_;  // what is left of it
  bool half_ = false;      // the second half of a pair comes before it
  lib0::UintOptRleReader lengths_;
  lib0::RleReader parents_;
  lib0::UintOptRleReader types_;
  lib0::UintOptRleReader sizes_;
  std::vector<std::string_view> known_;
  std::uint64_t delete_at_ = 0;
};

// ---- structs -------------------------------------------------------------

template <class Columns>
class UpdateReader {
 public:
  explicit UpdateReader(std::string_view bytes) : in_(bytes), columns_(in_, document_) {}

  Result<FlatDocument> read() {
    const std::uint64_t blocks = lib0::read_uint(in_);
    for (std::uint64_t i = 0; i < blocks && !failed(); ++i) block();
    if (!failed()) deletes();
    if (!failed()) in_.expect_end();
    if (too_large_ != nullptr) {
      return Error{ErrorCode::too_large, "Yjs update exceeds a bound", too_large_};
    }
    if (failed()) {
      if (unknown_.empty()) return in_.error("Yjs update");
      return Error{ErrorCode::malformed, "malformed Yjs update", unknown_};
    }
    return std::move(document_);
  }

 private:
  bool failed() { return columns_.failed() || too_large_ != nullptr; }

  // The structs of one client, one behind the other.
  void block() {
    const std::uint64_t structs = lib0::read_uint(in_);
    begin_client(columns_.client());
    clock_ = lib0::read_uint(in_);
    for (std::uint64_t i = 0; i < structs && !failed(); ++i) {
      count_one();
      if (!failed()) one_struct();
    }
  }

  // Of whom what follows is. It is the document's client once something is of it.
  void begin_client(ReplicaId replica) {
    count_one();
    replica_ = replica;
    client_ = kNoId.client;
  }

  // What is no struct, but costs as much, counts as one.
  void count_one() {
    if (++structs_ > kMaxUpdateStructs) too_large_ = "at most 1048576 structs";
  }

  void one_struct() {
    const std::uint8_t info = columns_.info();
    const std::uint8_t content = info & kContentBits;
    if (content == kSkipStruct) {
      advance(lib0::read_uint(in_));
      return;
    }
    if (content == kGcStruct) {
      const std::uint64_t clock = clock_;
      const std::uint32_t length = advance(columns_.length());
      if (length == 0 || failed()) return;
      const UnitId id = id_at(clock);
      std::vector<LooseRun>& runs = document_.flat.waiting;
      if (!runs.empty() && runs.back().list == kGone && runs.back().id.plus(runs.back().length) == id) {
        runs.back().length += length;
        return;
      }
      runs.push_back(LooseRun{id, length, kNoId, kNoId, {}, kGone});
      return;
    }
    LooseRun run{id_at(clock_), 0, kNoId, kNoId, {}};
    if ((info & kHasLeft) != 0) run.left = id(columns_.left());
    if ((info & kHasRight) != 0) run.right = id(columns_.right());
    if ((info & (kHasLeft | kHasRight)) == 0) {
      ListName name;
      if (columns_.parent_is_root()) {
        name.root = text(columns_.string());
      } else {
        name.parent = id(columns_.left());
      }
      if ((info & kHasKey) != 0) {
        name.keyed = true;
        name.key = text(columns_.string());
      }
      if (failed()) return;
      if (last_list_ == kImplied || document_.flat.lists[last_list_ - kFirstList] != name) {
        last_list_ = document_.list(name);
      }
      run.list = last_list_;
    }
    read_content(content, run);
    if (failed()) return;
    if (run.length == 0) return in_.fail("an item is empty");
    document_.flat.waiting.push_back(run);
  }

  void read_content(std::uint8_t number, LooseRun& run) {
    if (number == kDeletedContent) {
      run.length = advance(columns_.length());
      return;
    }
    if (number == kStringContent) {
      run.text = text(columns_.string());
      run.length = advance(measure(run.text).units);
      return;
    }
    std::vector<Content> contents(1);
    contents[0].kind = static_cast<ContentKind>(number);
    switch (contents[0].kind) {
      case ContentKind::json:
      case ContentKind::any: {
        const std::uint64_t count = columns_.length();
        contents.clear();  // none of them is empty, so that they end with what follows
        for (std::uint64_t i = 0; i < count && !failed(); ++i) {
          Content& one = contents.emplace_back();
          one.kind = static_cast<ContentKind>(number);
          if (one.kind == ContentKind::any) {
            read_any(in_, one.value);
          } else if (!append_any_of_json(one.value, columns_.string())) {
            in_.fail("a value is no valid JSON");
          }
        }
        break;
      }
      case ContentKind::binary:
        contents[0].value = lib0::read_bytes(in_);
        break;
      case ContentKind::embed:
        columns_.json(contents[0].value);
        break;
      case ContentKind::format:
        contents[0].name = text(columns_.key());
        columns_.json(contents[0].value);
        break;
      case ContentKind::type: {
        const std::uint64_t type = columns_.type();
        if (type >= kSharedTypes) return unknown("shared type", type);
        contents[0].type = static_cast<std::uint8_t>(type);
        if (type_has_name(contents[0].type)) contents[0].name = text(columns_.key());
        break;
      }
      case ContentKind::document:
        contents[0].name = text(columns_.string());
        read_any(in_, contents[0].value);
        break;
      default:
        return unknown("content", number);
    }
    run.length = advance(contents.size());
    run.text = document_.own(std::string(contents.size(), kPlaceholder));
    run.contents = document_.own(std::move(contents));
    if (document_.content_bytes() > kMaxContentBytes) too_large_ = "at most 268435456 bytes of other content than text";
  }

  void deletes() {
    const std::uint64_t clients = lib0::read_uint(in_);
    for (std::uint64_t i = 0; i < clients && !failed(); ++i) {
      columns_.begin_deletes();
      begin_client(lib0::read_uint(in_));
      const std::uint64_t ranges = lib0::read_uint(in_);
      for (std::uint64_t n = 0; n < ranges && !failed(); ++n) {
        const std::uint64_t clock = clock_ = columns_.delete_clock();
        const std::uint32_t length = advance(columns_.delete_length());
        if (length > 0 && !failed()) document_.flat.deleted.push_back({id_at(clock), length});
      }
    }
  }

  // ---- parts

  // Of the client that is being read.
  UnitId id_at(std::uint64_t clock) {
    if (clock > kMaxTextClock) {
      too_large_ = "clocks are below 4294967295";
      return kNoId;
    }
    if (client_ == kNoId.client) client_ = document_.client(replica_);
    return {client_, static_cast<std::uint32_t>(clock)};
  }

  std::uint32_t advance(std::uint64_t length) {
    clock_ += length;
    if (length > kMaxTextClock || clock_ > kMaxTextClock) {
      too_large_ = "clocks are below 4294967295";
      return 0;
    }
    return static_cast<std::uint32_t>(length);
  }

  UnitId id(std::pair<std::uint64_t, std::uint64_t> read) {
    if (failed()) return kNoId;
    if (read.second > kMaxTextClock) {
      too_large_ = "clocks are below 4294967295";
      return kNoId;
    }
    return {document_.client(read.first), static_cast<std::uint32_t>(read.second)};
  }

  std::string_view text(std::string_view read) {
    if (failed()) return {};
    if (is_valid_text(read)) return read;
    in_.fail("a string is not valid UTF-8, or holds U+0000");
    return {};
  }

  void unknown(const char* what, std::uint64_t number) {
    unknown_ = "unknown " + std::string(what) + " number " + std::to_string(number);
    in_.fail("");
  }

  Reader in_;
  FlatDocument document_;
  Columns columns_;
  ReplicaId replica_ = 0;
  ClientIndex client_ = kNoId.client;  // the replica's, once it is asked for
  std::uint64_t clock_ = 0;
  ListIndex last_list_ = kImplied;
  std::size_t structs_ = 0;
  const char* too_large_ = nullptr;
  std::string unknown_;
};

}  // namespace

Result<FlatDocument> read_update(std::string_view bytes, UpdateFormat format) {
  if (format == UpdateFormat::v1) return UpdateReader<ColumnsV1>(bytes).read();
  return UpdateReader<ColumnsV2>(bytes).read();
}

Result<VersionVector> read_state_vector(std::string_view bytes) {
  VersionVector vector;
  if (bytes.empty()) return vector;
  Reader in(bytes);
  const std::uint64_t clients = lib0::read_uint(in);
  std::vector<VersionVector::Entry> entries;
  for (std::uint64_t i = 0; i < clients && !in.failed(); ++i) {
    const ReplicaId replica = lib0::read_uint(in);
    entries.push_back({replica, lib0::read_uint(in)});
  }
  in.expect_end();
  if (in.failed()) return in.error("Yjs state vector");
  std::sort(entries.begin(), entries.end());
  for (const auto& entry : entries) vector.set(entry.replica, entry.counter);
  return vector;
}

}  // namespace converge
