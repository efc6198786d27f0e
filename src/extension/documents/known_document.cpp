#include "extension/documents/known_document.h"

#include <cstring>

#include "extension/documents/owned_table.h"
#include "extension/documents/relation_news.h"

extern "C" {
#include "access/xact.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(converge_forget_documents);
}

namespace converge {

struct KnownDocument {
  std::uint64_t hash;  // the key: of what follows up to the number
  std::int32_t collection;
  char* tenant;
  char* key;
  StampSlot name_slot;
  std::int64_t document;  // 0: nothing is known
  // Beside which it is known. While `in_doubt`, those that were there when the row was locked.
  std::uint64_t name_stamp, writers_stamp, unfolded_stamp;
  bool in_doubt;           // the open transaction has locked the row, and may have written
  std::uint64_t push;      // which one
  KnownWriter* writers;
  int count;
  int made;  // places of writers that were used already
  int room;
};

namespace {

// Beyond these it is forgotten and begins anew.
constexpr long kMaxDocuments = 4096;
constexpr int kMaxWriters = 64;
constexpr Size kMaxBytes = 8 << 20;

HTAB* documents = nullptr;
MemoryContext memory = nullptr;
// The tables that it rests on: PostgreSQL tells when they are made anew or written by
// other means than converge's.
Oid tables[5];
bool stale = false;
// Those that are in doubt.
KnownDocument** doubts = nullptr;
int doubt_count = 0;
int doubt_room = 0;
// Counts pushes.
std::uint64_t push = 0;

void note_invalidation(Oid table) {
  stale = stale || !OidIsValid(table);
  for (const Oid known : tables) stale = stale || table == known;
}

void empty(KnownDocument* known) {
  known->document = 0;
  known->count = 0;
  known->in_doubt = false;
}

// The stamp beside which something is known once the transaction has committed, of that
// beside which it was seen; kUnknownStamp: somebody else wrote meanwhile.
std::uint64_t committed_stamp(StampSlot slot, std::uint64_t seen) {
  std::uint64_t before, after;
  if (!find_changed_stamp(slot, &before, &after)) return seen;
  return before == seen ? after : kUnknownStamp;
}

void keep(KnownDocument* known) {
  known->in_doubt = false;
  known->name_stamp = committed_stamp(known->name_slot, known->name_stamp);
  known->writers_stamp = committed_stamp(writers_slot(known->document), known->writers_stamp);
  known->unfolded_stamp = committed_stamp(unfolded_slot(known->document), known->unfolded_stamp);
  for (int i = 0; i < known->count; i++) {
    KnownWriter* writer = &known->writers[i];
    if (!writer->in_doubt) continue;
    writer->in_doubt = false;
    writer->stamp = committed_stamp(writer_slot(known->document, writer->replica), writer->stamp);
  }
}

void empty_doubts() {
  for (int i = 0; i < doubt_count; i++) empty(doubts[i]);
  doubt_count = 0;
}

void at_transaction_end(XactEvent event, void*) {
  switch (event) {
    case XACT_EVENT_COMMIT:
      for (int i = 0; i < doubt_count; i++) {
        if (doubts[i]->in_doubt) keep(doubts[i]);
      }
      doubt_count = 0;
      break;
    case XACT_EVENT_ABORT:
      empty_doubts();
      break;
    default:
      break;
  }
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) empty_doubts();
}

void start_memory() {
  if (memory == nullptr) {
    watch_relations(note_invalidation);
    watch_stamps();
    RegisterXactCallback(at_transaction_end, nullptr);
    RegisterSubXactCallback(at_subtransaction_end, nullptr);
    memory = AllocSetContextCreate(TopMemoryContext, "converge known documents", ALLOCSET_DEFAULT_SIZES);
  }
  documents = nullptr;
  MemoryContextReset(memory);
  int count = 0;
  for (const char* name : {"document", "change", "replica", "unfolded", "yjs_client"}) tables[count++] = owned_oid(name);
  HASHCTL control{};
  control.keysize = sizeof(std::uint64_t);
  control.entrysize = sizeof(KnownDocument);
  control.hcxt = memory;
  documents = hash_create("converge known documents", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  stale = false;
}

std::uint64_t hash_of(const Collection* collection, const RowRef& ref) {
  const auto hash = [](const char* text, std::uint64_t seed) {
    return hash_bytes_extended(reinterpret_cast<const unsigned char*>(text), static_cast<int>(std::strlen(text)), seed);
  };
  return hash(ref.key, hash(ref.tenant, static_cast<std::uint64_t>(collection->number)));
}

bool is_named(const KnownDocument& known, const Collection* collection, const RowRef& ref) {
  return known.collection == collection->number && std::strcmp(known.tenant, ref.tenant) == 0 &&
         std::strcmp(known.key, ref.key) == 0;
}

KnownDocument* find(const Collection* collection, const RowRef& ref) {
  if (documents == nullptr || stale) return nullptr;
  const std::uint64_t hash = hash_of(collection, ref);
  auto* known = static_cast<KnownDocument*>(hash_search(documents, &hash, HASH_FIND, nullptr));
  return known != nullptr && known->tenant != nullptr && is_named(*known, collection, ref) ? known : nullptr;
}

// Then push() begins anew; a transaction's own entries stay until it ends.
bool is_full() {
  return hash_get_num_entries(documents) >= kMaxDocuments || MemoryContextMemAllocated(memory, true) > kMaxBytes;
}

// The document's entry, or a new one. Null: there is no room, or its place is another's.
KnownDocument* find_or_make(const Collection* collection, const RowRef& ref) {
  if (KnownDocument* known = find(collection, ref)) return known;
  if (is_full()) return nullptr;
  const std::uint64_t hash = hash_of(collection, ref);
  bool found;
  auto* known = static_cast<KnownDocument*>(hash_search(documents, &hash, HASH_ENTER, &found));
  if (found && known->tenant != nullptr) return nullptr;
  std::memset(known, 0, sizeof *known);
  known->hash = hash;
  known->collection = collection->number;
  known->name_slot = name_slot(collection, ref);
  known->key = MemoryContextStrdup(memory, ref.key);
  known->tenant = MemoryContextStrdup(memory, ref.tenant);
  return known;
}

void doubt(KnownDocument* known) {
  if (doubt_count == doubt_room) {
    const int room = doubt_room == 0 ? 64 : doubt_room * 2;
    const Size size = sizeof(KnownDocument*) * static_cast<Size>(room);
    doubts = static_cast<KnownDocument**>(doubts == nullptr ? MemoryContextAlloc(TopMemoryContext, size)
                                                            : repalloc_huge(doubts, size));
    doubt_room = room;
  }
  doubts[doubt_count++] = known;
  known->in_doubt = true;
  known->push = push;
}

}  // namespace

void begin_push_memory() {
  push++;
  // (A push inside of another one's trigger leaves that one's alone.)
  if (doubt_count > 0) return;
  if (documents == nullptr || stale || is_full()) start_memory();
}

std::int64_t known_number(const Collection* collection, const RowRef& ref) {
  const KnownDocument* known = find(collection, ref);
  if (known == nullptr || known->name_stamp != stamp_in(known->name_slot)) return 0;
  return known->document;
}

KnownDocument* recall(const Collection* collection, const RowRef& ref) {
  if (documents == nullptr || stale) return nullptr;
  KnownDocument* known = find_or_make(collection, ref);
  if (known == nullptr) return nullptr;
  const std::uint64_t name_stamp = stamp_in(known->name_slot);
  if (name_stamp == kUnknownStamp) return nullptr;
  if (known->in_doubt) {
    if (known->push == push) return known;
    // Who knows what the transaction did in between.
    empty(known);
    return nullptr;
  }
  if (known->name_stamp != name_stamp) known->document = 0;
  known->name_stamp = name_stamp;
  if (known->document == 0) {
    known->count = 0;
  } else {
    const std::uint64_t writers_stamp = stamp_in(writers_slot(known->document));
    const std::uint64_t unfolded_stamp = stamp_in(unfolded_slot(known->document));
    if (known->writers_stamp != writers_stamp || writers_stamp == kUnknownStamp) known->count = 0;
    if (known->unfolded_stamp != unfolded_stamp || unfolded_stamp == kUnknownStamp) {
      for (int i = 0; i < known->count; i++) known->writers[i].unfolded = false;
    }
    known->writers_stamp = writers_stamp;
    known->unfolded_stamp = unfolded_stamp;
  }
  doubt(known);
  return known;
}

std::int64_t number_of(const KnownDocument* known) { return known != nullptr && !stale ? known->document : 0; }

namespace {

KnownWriter* writer_of(KnownDocument* known, std::int64_t replica) {
  for (int i = 0; i < known->count; i++) {
    if (known->writers[i].replica == replica) return &known->writers[i];
  }
  return nullptr;
}

KnownWriter* new_writer(KnownDocument* known, std::int64_t replica) {
  if (known->count == kMaxWriters) known->count = 0;
  if (known->count == known->room) {
    const int room = known->room == 0 ? 4 : known->room * 2;
    const Size size = sizeof(KnownWriter) * static_cast<Size>(room);
    known->writers = static_cast<KnownWriter*>(known->writers == nullptr ? MemoryContextAlloc(memory, size)
                                                                         : repalloc(known->writers, size));
    known->room = room;
  }
  KnownWriter* writer = &known->writers[known->count++];
  if (known->count > known->made) {
    writer->principal = nullptr;
    known->made = known->count;
  }
  writer->replica = replica;
  writer->unfolded = false;
  writer->stamp = kUnknownStamp;
  return writer;
}

}  // namespace

const KnownWriter* find_writer(KnownDocument* known, std::int64_t replica) {
  if (known == nullptr || stale || !known->in_doubt) return nullptr;
  const KnownWriter* writer = writer_of(known, replica);
  if (writer == nullptr || writer->stamp == kUnknownStamp) return nullptr;
  return writer->stamp == stamp_in(writer_slot(known->document, replica)) ? writer : nullptr;
}

void learn_number(KnownDocument* known, std::int64_t document) {
  if (known == nullptr || !known->in_doubt || known->document == document) return;
  known->document = document;
  known->count = 0;
  if (document == 0) return;
  known->writers_stamp = stamp_in(writers_slot(document));
  known->unfolded_stamp = stamp_in(unfolded_slot(document));
}

void learn_writer(KnownDocument* known, std::int64_t replica, const char* principal, std::int64_t last, bool unfolded,
                  std::int64_t yjs_client) {
  if (known == nullptr || !known->in_doubt || known->document == 0) return;
  KnownWriter* writer = writer_of(known, replica);
  if (writer == nullptr) writer = new_writer(known, replica);
  const std::uint64_t stamp = stamp_in(writer_slot(known->document, replica));
  if (writer->principal == nullptr || std::strcmp(writer->principal, principal) != 0) {
    char* copy = MemoryContextStrdup(memory, principal);
    if (writer->principal != nullptr) pfree(writer->principal);
    writer->principal = copy;
  }
  writer->last = last;
  writer->unfolded = unfolded || (writer->unfolded && writer->stamp == stamp);
  writer->yjs_client = yjs_client;
  writer->stamp = stamp;
  writer->in_doubt = true;
}

void forget_document(KnownDocument* known) {
  if (known != nullptr) empty(known);
}

}  // namespace converge

extern "C" PGDLLEXPORT Datum converge_forget_documents(PG_FUNCTION_ARGS) {
  if (!CALLED_AS_TRIGGER(fcinfo)) {
    ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                    errmsg("forget_documents() was not called by a trigger")));
  }
  CacheInvalidateRelcacheByRelid(RelationGetRelid(reinterpret_cast<TriggerData*>(fcinfo->context)->tg_relation));
  return Datum{0};
}
