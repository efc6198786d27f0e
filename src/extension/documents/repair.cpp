// verify() and rebuild(): the row against the replay of its log.
#include "extension/documents/access.h"
#include "extension/documents/document.h"
#include "extension/documents/field_value.h"
#include "extension/documents/replay.h"
#include "extension/documents/unfolded.h"

extern "C" {
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(converge_verify);
PG_FUNCTION_INFO_V1(converge_rebuild);
}

namespace converge {
namespace {

struct Rebuild {
  Collection* collection;
  RowRef ref;
  bool changed;
};

[[noreturn]] void no_such_row(const Rebuild& rebuild) { no_such_document(rebuild.collection->name, rebuild.ref.key); }

void rebuild_row(void* argument) {
  auto* rebuild = static_cast<Rebuild*>(argument);
  Collection* collection = rebuild->collection;
  struct varlena* stored[kMaxFields];
  if (!lock_row(collection, rebuild->ref) || !read_row(collection, rebuild->ref, false, stored)) no_such_row(*rebuild);
  const std::int64_t document = find_document(collection, rebuild->ref);
  if (document == 0) no_such_row(*rebuild);

  struct varlena* replayed[kMaxFields];
  Snapshot snapshot = RegisterSnapshot(latest_snapshot());
  replay(collection, rebuild->ref.tenant, document, snapshot, Replayed::everything, replayed);
  UnregisterSnapshot(snapshot);
  forget_unfolded(rebuild->ref.tenant, document);

  std::uint64_t mask = 0;
  for (int i = 0; i < collection->field_count; i++) {
    const FieldType type = collection->fields[i].type;
    if (state_bytes(type, stored[i]) == state_bytes(type, replayed[i])) continue;
    if (replayed[i] == nullptr) replayed[i] = empty_value(type);
    mask |= std::uint64_t{1} << i;
  }
  rebuild->changed = mask != 0;
  if (mask != 0 && update_row(collection, rebuild->ref, mask, replayed) != 1) no_such_row(*rebuild);
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_verify(PG_FUNCTION_ARGS) {
  const ReadableDocument found =
      read_document(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
  struct varlena* folded[kMaxFields];
  replay(found.collection, found.ref.tenant, found.document, GetActiveSnapshot(), Replayed::folded, folded);
  int unfolded;
  (void)unfolded_replicas(found.ref.tenant, found.document, GetActiveSnapshot(), &unfolded);
  struct varlena* everything[kMaxFields];
  if (unfolded > 0) {
    replay(found.collection, found.ref.tenant, found.document, GetActiveSnapshot(), Replayed::everything, everything);
  }
  for (int i = 0; i < found.collection->field_count; i++) {
    const FieldType type = found.collection->fields[i].type;
    const std::string_view stored = state_bytes(type, found.values[i]);
    if (stored == state_bytes(type, folded[i])) continue;
    if (unfolded == 0) PG_RETURN_BOOL(false);
    // Of what is unfolded the row has some: what is immediate in those changes.
    const std::string_view all = state_bytes(type, everything[i]);
    if (boundary::view(merge_states(type, stored, state_bytes(type, folded[i]))) != stored ||
        boundary::view(merge_states(type, stored, all)) != all) {
      PG_RETURN_BOOL(false);
    }
  }
  PG_RETURN_BOOL(true);
}

extern "C" PGDLLEXPORT Datum converge_rebuild(PG_FUNCTION_ARGS) {
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  Rebuild rebuild{collection_named(name),
                  {text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2))},
                  false};
  if (rebuild.collection == nullptr) no_such_collection(name);
  check_table_owner(rebuild.collection->tracked);

  // The triggers would keep what the row has, and log it: they stay out of this.
  const int level = NewGUCNestLevel();
  (void)set_config_option("session_replication_role", "replica", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                          ERROR, false);
  as_table_owner(rebuild.collection, rebuild_row, &rebuild);
  AtEOXact_GUC(true, level);
  PG_RETURN_BOOL(rebuild.changed);
}
