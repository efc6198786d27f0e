#include <utility>
#include <vector>

#include "core/codec/reader.h"
#include "core/field.h"
#include "core/sequence/run_codec.h"
#include "core/sequence/text.h"
#include "core/sequence/text_codec.h"
#include "core/sequence/waiting_runs.h"
#include "core/state_header.h"
#include "core/ydoc/document_head.h"
#include "core/ydoc/ydoc_codec.h"
#include "core/ydoc/ydoc_layout.h"

namespace converge {

namespace {

using namespace waiting_runs;
using namespace ydoc_layout;

// Shares out the runs, as they are read, to the lists.
class ListSink final : public RunSink {
 public:
  ListSink(Sequence& document, const DocumentHead& head, const std::vector<ListPlace>& places,
           const std::vector<Content>& contents)
      : loader_(document), head_(head), places_(places), contents_(contents) {}

  Sequence::Loader& loader() { return loader_; }

  void expect(std::size_t runs) override {
    loader_.expect(runs + places_.size());
    parts_.reserve(runs + 1);
  }

  void add(const LooseRun& run) override {
    parts_.push_back(added_);
    std::uint32_t from = 0;
    std::string_view text = run.text;
    while (from < run.length && why_ == nullptr) {
      if (left_in_list_ == 0) begin_list();
      LooseRun part{run.id.plus(from), std::min(run.length - from, left_in_list_),
                    from == 0 ? run.left : run.id.plus(from - 1), run.right, {}};
      if (part.left == edge_) part.left = kNoId;
      if (!run.text.empty()) {
        if (gone_) return fail("what is gone has text");
        TextSize size = part.length == run.length
                            ? TextSize{static_cast<std::uint32_t>(text.size()), 0, part.length}
                            : measure_units(text.data(), part.length);
        if (size.units != part.length) return fail("a list ends inside a character");
        part.text = text.substr(0, size.bytes);
        text.remove_prefix(size.bytes);
        take_contents(part);
      }
      if (why_ != nullptr) return;
      loader_.add(part);
      ++added_;
      from += part.length;
      left_in_list_ -= part.length;
      last_ = part.id.plus(part.length - 1);
    }
  }

  // Call it when all runs are read. Null, or what was wrong.
  const char* finish(const std::vector<std::uint32_t>& by_id) {
    if (why_ == nullptr && (next_ < places_.size() || (left_in_list_ > 0 && !gone_))) {
      why_ = "a list is longer than what there is";
    }
    if (why_ != nullptr) return why_;
    parts_.push_back(added_);
    std::vector<std::uint32_t> order;
    order.reserve(added_);
    for (std::uint32_t run : by_id) {
      for (std::uint32_t part = parts_[run]; part < parts_[run + 1]; ++part) order.push_back(part);
    }
    loader_.finish(order);
    return nullptr;
  }

 private:
  void begin_list() {
    edge_ = last_;
    if (next_ == places_.size()) {
      gone_ = true;
      left_in_list_ = 0xffff'ffff;
      loader_.begin_gone();
      return;
    }
    const ListPlace& place = places_[next_];
    ListName name;
    if (place.type >= ListPlace::kRoot) {
      name.root = head_.names[head_.roots[place.type - ListPlace::kRoot].name];
    } else if (place.type < types_.size()) {
      name.parent = types_[place.type];
    } else {
      return fail("a list comes before its type");
    }
    name.keyed = place.keyed;
    if (place.keyed) name.key = head_.names[place.key];
    left_in_list_ = head_.lengths[next_++];
    loader_.begin(name);
  }

  void take_contents(const LooseRun& part) {
    const std::size_t count = count_placeholders(part.text);
    if (count == 0) return;
    loader_.keep(part, contents_.data() + next_content_);
    for_each_placeholder(part.text, [&](std::uint32_t offset) {
      if (contents_[next_content_++].kind == ContentKind::type) types_.push_back(part.id.plus(offset));
    });
  }

  void fail(const char* why) {
    if (why_ == nullptr) why_ = why;
  }

  Sequence::Loader loader_;
  const DocumentHead& head_;
  const std::vector<ListPlace>& places_;
  const std::vector<Content>& contents_;  // as many as there are placeholders
  std::size_t next_ = 0;
  std::size_t next_content_ = 0;
  std::uint32_t left_in_list_ = 0;
  bool gone_ = false;
  UnitId edge_ = kNoId;
  UnitId last_ = kNoId;
  std::vector<UnitId> types_;
  std::vector<std::uint32_t> parts_;  // of each run, the first of its parts
  std::uint32_t added_ = 0;
  const char* why_ = nullptr;
};

class Decoder {
 public:
  // What is integrated goes into `document`, where there is one, and the rest is added
  // to `out`; with a document that is empty, and its replicas get the same numbers.
  Decoder(std::string_view bytes, Sequence* document, FlatDocument& out)
      : in_(bytes), document_(document), out_(out), contents_before_(out.content_bytes()) {}

  Result<void> decode() {
    if (auto header = read_state_header(FieldType::ydoc, in_); !header) return header.error();
    if (in_.at_end()) return {};
    read_document_head(in_, head_);
    if (in_.failed()) return in_.error("ydoc");
    clients_.reserve(head_.replicas.size());
    for (const ReplicaId replica : head_.replicas) {
      clients_.push_back(out_.client(replica));
    }
    if (document_ != nullptr) document_->clients(head_.replicas);
    if (head_.sections & kHasRuns) read_integrated();
    if (head_.sections & kHasWaiting) read_waiting();
    if (head_.sections & kHasDeleted) read_deleted();
    in_.expect_end();
    if (in_.failed()) return in_.error("ydoc");
    return {};
  }

 private:
  // Of a replica, in the table.
  std::size_t number() {
    return static_cast<std::size_t>(in_.varint_below(clients_.size(), "a replica's number is not in its table"));
  }

  ClientIndex client() {
    const std::size_t of = number();
    return in_.failed() ? kNoId.client : clients_[of];
  }

  std::uint32_t clock() {
    return static_cast<std::uint32_t>(
        in_.varint_below(kMaxTextClock + 1, "a clock is beyond the limit"));
  }

  std::string_view name() {
    const std::uint32_t number = read_name_number(in_, head_.names);
    return in_.failed() ? std::string_view() : head_.names[number];
  }

  void read_integrated() {
    if (document_ == nullptr) return in_.fail("something of it is integrated");
    WrittenContents written;
    const std::vector<ListPlace> places = read_integrated_head(in_, head_, written);
    if (in_.failed()) return;
    expand_values(head_, written);
    ListSink sink(*document_, head_, places, written.contents);
    const std::vector<std::uint32_t> by_id = read_runs(in_, head_.replicas.size(), head_.text, sink);
    if (in_.failed()) return;
    if (const char* why = sink.finish(by_id); why != nullptr) in_.fail(why);
  }

  // ---- what is pending

  UnitId read_origin(Origin kind, UnitId id) {
    if (kind == same_client) {
      const std::uint64_t distance = in_.varint();
      if (distance >= id.clock) {
        in_.fail("an origin is not before its run");
        return kNoId;
      }
      return {id.client, id.clock - 1 - static_cast<std::uint32_t>(distance)};
    }
    if (kind == other_client) return read_unit();
    return kNoId;
  }

  UnitId read_unit() {
    const ClientIndex of = client();
    return {of, clock()};
  }

  void read_waiting() {
    const std::size_t count = in_.count(2);
    // (In `out_` what was read there before may have another order.)
    std::size_t of = 0;
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < count && !in_.failed(); ++i) {
      const std::uint8_t head = in_.byte();
      if ((head & kSameClient) == 0) {
        const std::size_t named = number();
        if (i > 0 && named <= of) in_.fail("runs that wait are not in order");
        of = named;
        end = 0;
      } else if (i == 0) {
        in_.fail("the first run names no replica");
      }
      end += clock();
      if (end > kMaxTextClock) in_.fail("a clock is beyond the limit");
      if (in_.failed()) return;
      LooseRun run{{clients_[of], static_cast<std::uint32_t>(end)}, 0, kNoId, kNoId, {}};
      const std::uint64_t size = head & kSingle ? 1 : in_.varint();
      const auto left = static_cast<Origin>(head >> kLeftShift & 3);
      const auto right = static_cast<Origin>(head >> kRightShift & 3);
      if (left == beside && end == 0) in_.fail("a run without a unit before it names that");
      run.left = left == beside ? run.id.before() : read_origin(left, run.id);
      if (right == beside && (run.left.none() || run.left.clock >= kMaxTextClock)) {
        in_.fail("a run without a left origin has one beside it");
      }
      run.right = right == beside ? run.left.plus(1) : read_origin(right, run.id);
      if (head & kIsGone) {
        if (!(head & kDeleted) || left != edge || right != edge) in_.fail("what is gone has an origin");
        run.list = kGone;
      } else if (left == edge && right == edge) {
        run.list = read_list();
      }
      if (in_.failed()) return;
      read_units(run, size, head & kDeleted);
      end += run.length;
      if (run.length == 0 || end > kMaxTextClock) in_.fail("a clock is beyond the limit");
      out_.flat.waiting.push_back(run);
    }
  }

  ListIndex read_list() {
    const std::uint8_t head = in_.byte();
    if (head > (kUnderUnit | kKeyed)) in_.fail("a parent is of an unknown kind");
    ListName list;
    if (head & kUnderUnit) {
      list.parent = read_unit();
    } else {
      list.root = name();
    }
    list.keyed = head & kKeyed;
    if (list.keyed) list.key = name();
    if (in_.failed()) return kImplied;
    const ListIndex index = out_.list(list);
    if (out_.content_bytes() - contents_before_ > kMaxContentBytes) in_.fail("its contents are beyond the limit");
    return index;
  }

  void read_units(LooseRun& run, std::uint64_t size, bool deleted) {
    if (deleted) {
      if (size > kMaxTextClock) return in_.fail("a run's length is beyond the limit");
      run.length = static_cast<std::uint32_t>(size);
      return;
    }
    if (size > in_.remaining()) return in_.fail("it ends too early");
    run.text = in_.bytes(static_cast<std::size_t>(size));
    if (!is_valid_with_placeholders(run.text)) return in_.fail("its text is not UTF-8");
    run.length = measure(run.text).units;
    const std::size_t count = count_placeholders(run.text);
    if (count == 0) return;
    if (count > in_.remaining()) return in_.fail("there is less content than placeholders");
    std::vector<Content> contents;
    std::size_t bytes = out_.content_bytes() - contents_before_;
    for (std::size_t i = 0; i < count && !in_.failed(); ++i) {
      contents.push_back(read_content(in_, head_.names));
      bytes += contents.back().bytes();
      if (bytes > kMaxContentBytes) in_.fail("its contents are beyond the limit");
    }
    run.contents = out_.own(std::move(contents));
  }

  void read_deleted() {
    const std::size_t replicas = in_.count(4);
    std::size_t before = 0;
    for (std::size_t i = 0; i < replicas && !in_.failed(); ++i) {
      const std::size_t of = number();
      if (i > 0 && of <= before) in_.fail("deleted ranges are not in order");
      before = of;
      const std::size_t count = in_.count(2);
      std::uint64_t at = 0;
      for (std::size_t n = 0; n < count && !in_.failed(); ++n) {
        at += clock();
        const std::uint64_t length = in_.varint_below(kMaxTextClock, "a range is beyond the limit") + 1;
        if (at + length > kMaxTextClock) return in_.fail("a range is beyond the limit");
        out_.flat.deleted.push_back({{clients_[of], static_cast<std::uint32_t>(at)}, static_cast<std::uint32_t>(length)});
        at += length;
      }
    }
  }

  Reader in_;
  Sequence* document_;
  FlatDocument& out_;
  const std::size_t contents_before_;  // bytes, of what `out_` had
  DocumentHead head_;
  std::vector<ClientIndex> clients_;  // in `out_`, of those of the table
};

}  // namespace

Result<FlatDocument> load_document(std::string_view bytes, Sequence& document) {
  FlatDocument pending;
  if (auto read = Decoder(bytes, &document, pending).decode(); !read) return read.error();
  return pending;
}

Result<void> read_pending(std::string_view bytes, FlatDocument& out) {
  return Decoder(bytes, nullptr, out).decode();
}

bool is_pending_alone(std::string_view bytes) {
  return bytes.size() > 1 && (static_cast<std::uint8_t>(bytes[1]) & kHasRuns) == 0;
}

}  // namespace converge
