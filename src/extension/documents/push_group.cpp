#include "extension/documents/push.h"

#include "extension/documents/announcement.h"
#include "extension/documents/settings.h"
#include "extension/documents/subtransaction.h"
#include "extension/documents/wire_memory.h"

extern "C" {
#include "miscadmin.h"
}

namespace converge {
namespace {

// Raised to roll an atomic group back: the verdicts say why.
constexpr int kNotWhole = MAKE_SQLSTATE('C', 'V', '0', '0', '1');

struct Work {
  PushGroup* groups;
  int count;
  PushDocument* document;  // of the range, when only one is applied
  size_t first, end;
  const Verdict* reason;
};

bool is_open(const PushDocument& document) { return document.collection != nullptr; }

// False: nobody needs its identity, which may be unknown.
bool has_open(const PushGroup& group) {
  for (int i = 0; i < group.count; i++) {
    if (is_open(group.documents[i])) return true;
  }
  return false;
}

bool is_applied(const Verdict& verdict) {
  return verdict.code == CONVERGE__WIRE__CODE__CODE_OK || verdict.code == CONVERGE__WIRE__CODE__CODE_DUPLICATE;
}

// The first change of the group that was not applied, or null.
const Verdict* first_failure(const PushGroup& group) {
  for (int i = 0; i < group.count; i++) {
    const PushDocument& document = group.documents[i];
    for (size_t j = 0; j < document.wire->n_changes; j++) {
      if (!is_applied(document.verdicts[j])) return &document.verdicts[j];
    }
  }
  return nullptr;
}

void apply_work(const Work& work) {
  PushTables tables;
  bool settled = true;
  const auto settle = [&]() {
    tables.flush();
    fire_deferred_constraints();
    settled = true;
  };
  for (int i = 0; i < work.count; i++) {
    PushGroup& group = work.groups[i];
    if (!has_open(group)) continue;
    settled = false;
    const std::uint64_t announced = announcements();
    set_identity(group.identity);
    // Whatever the one before left.
    defer_constraints();
    for (int j = 0; j < group.count; j++) {
      CHECK_FOR_INTERRUPTS();
      PushDocument& document = group.documents[j];
      if (is_open(document) && admit(&document)) apply_changes(document, 0, document.wire->n_changes, work.reason, &tables);
    }
    // Before its constraints are looked at, and the identity changes. Where only the log is
    // written there are none, and the groups' changes enter it together.
    if (announcements() != announced) settle();
    if (group.atomic && work.reason == nullptr && first_failure(group) != nullptr) {
      ereport(ERROR, (errcode(kNotWhole), errmsg_internal("atomic group is not applied as a whole")));
    }
  }
  if (!settled) settle();
  tables.close();
}

void apply_all(void* argument) {
  const int level = begin_lock_timeout(push_lock_timeout);
  apply_work(*static_cast<Work*>(argument));
  end_lock_timeout(level);
}

void apply_part(void* argument) {
  const auto* work = static_cast<Work*>(argument);
  const int level = begin_lock_timeout(push_lock_timeout);
  PushTables tables;
  if (is_open(*work->document) && admit(work->document)) {
    apply_changes(*work->document, work->first, work->end, work->reason, &tables);
  }
  tables.close();
  fire_deferred_constraints();
  end_lock_timeout(level);
}

// What to answer when the server, and not the change, is at fault. The error may
// tell of what the caller may not know: it goes to the server's log.
Verdict unavailable(const ErrorData* error) {
  if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE) {
    return {CONVERGE__WIRE__CODE__CODE_UNAVAILABLE, "the document is locked by another transaction", 0};
  }
  ereport(LOG, (errmsg("could not apply a pushed change: %s", error->message)));
  return {CONVERGE__WIRE__CODE__CODE_UNAVAILABLE, "the change cannot be applied now", 0};
}

// The verdict on a change whose application raised `error`, and whether it will
// never do better.
bool refusal_of(const ErrorData* error, Verdict* verdict) {
  if (!is_edits_fault(error)) {
    *verdict = unavailable(error);
    return false;
  }
  // Never the detail: it tells values, perhaps of rows that the caller may not see.
  *verdict = {CONVERGE__WIRE__CODE__CODE_VIOLATES_CONSTRAINT, error->message != nullptr ? error->message : "", 0};
  switch (ERRCODE_TO_CATEGORY(error->sqlerrcode)) {
    case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
      verdict->code = CONVERGE__WIRE__CODE__CODE_TOO_LARGE;
      break;
    case ERRCODE_DATA_EXCEPTION:
      verdict->code = CONVERGE__WIRE__CODE__CODE_MALFORMED;
      break;
    case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
      verdict->code = CONVERGE__WIRE__CODE__CODE_DENIED;
      break;
    default:
      if (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE) {
        verdict->code = CONVERGE__WIRE__CODE__CODE_DENIED;
        break;
      }
      verdict->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
      verdict->constraint = error->constraint_name;
  }
  return true;
}

// The change that cannot be applied is refused, or, where it may do better
// another time, left undecided: later numbers of its replica are then a gap.
void decide_failed(PushDocument* document, size_t index, const ErrorData* error) {
  Verdict reason;
  if (refusal_of(error, &reason)) {
    Work work{nullptr, 0, document, index, index + 1, &reason};
    error = in_subtransaction(apply_part, &work);
    if (error == nullptr) return;
    // Either there is no document that could keep the refusal, or the number was
    // taken meanwhile: then the client asks again and is told.
    if (!document->creates) reason = unavailable(error);
  }
  document->verdicts[index] = reason;
}

// After a group failed: halves of each document, and halves of what fails again,
// so that only the change that raises is refused, at the cost of a few
// subtransactions.
void apply_range(PushDocument* document, size_t first, size_t end) {
  if (first == end) return;
  CHECK_FOR_INTERRUPTS();
  Work work{nullptr, 0, document, first, end, nullptr};
  const ErrorData* error = in_subtransaction(apply_part, &work);
  if (error == nullptr) return;
  if (end - first == 1) {
    decide_failed(document, first, error);
    return;
  }
  const size_t middle = first + (end - first) / 2;
  apply_range(document, first, middle);
  apply_range(document, middle, end);
}

void apply_group(PushGroup* group, bool tried) {
  Work work{group, 1, nullptr, 0, 0, nullptr};
  if (!tried && in_subtransaction(apply_all, &work) == nullptr) return;
  set_identity(group->identity);
  for (int i = 0; i < group->count; i++) {
    PushDocument* document = &group->documents[i];
    if (is_open(*document)) apply_range(document, 0, document->wire->n_changes);
  }
}

// ------------------------------------------------------------- atomic groups

// Whether the change will never do better, so that the rest of its group is over.
bool is_final(const Verdict& verdict) {
  switch (verdict.code) {
    case CONVERGE__WIRE__CODE__CODE_GAP:
    case CONVERGE__WIRE__CODE__CODE_UNAUTHENTICATED:
    case CONVERGE__WIRE__CODE__CODE_UNAVAILABLE:
    case CONVERGE__WIRE__CODE__CODE_LIMIT:
      return false;
    default:
      return true;
  }
}

bool has_reason(const Verdict& verdict) {
  return !is_applied(verdict) && verdict.code != CONVERGE__WIRE__CODE__CODE_AFTER_REFUSED;
}

// Gives every change that has no reason of its own the one that is given; what
// was there already stays a duplicate, if that is known.
void share_verdict(PushGroup* group, Verdict* const* own, const Verdict& shared, bool knows_duplicates) {
  for (int i = 0; i < group->count; i++) {
    PushDocument& document = group->documents[i];
    for (size_t j = 0; j < document.wire->n_changes; j++) {
      Verdict* verdict = &document.verdicts[j];
      if (has_reason(own[i][j])) {
        *verdict = own[i][j];
      } else if (!knows_duplicates || verdict->code != CONVERGE__WIRE__CODE__CODE_DUPLICATE) {
        *verdict = shared;
      }
    }
  }
}

void apply_atomic_group(PushGroup* group) {
  ErrorData* error = nullptr;
  bool decided = false;  // without a look at the changes
  for (int i = 0; i < group->count; i++) {
    decided = decided || (!is_open(group->documents[i]) && group->documents[i].wire->n_changes > 0);
  }
  if (!decided) {
    Work work{group, 1, nullptr, 0, 0, nullptr};
    error = in_subtransaction(apply_all, &work);
    if (error == nullptr) return;
    set_identity(group->identity);
  }

  // Of an error nobody knows which change is to blame: it is every one's.
  const bool by_error = error != nullptr && error->sqlerrcode != kNotWhole;
  Verdict reason{CONVERGE__WIRE__CODE__CODE_ABORTED, "another change of the atomic group was refused", 0};
  bool is_over = by_error && refusal_of(error, &reason);
  auto** own = static_cast<Verdict**>(palloc(sizeof(Verdict*) * static_cast<Size>(group->count)));
  for (int i = 0; i < group->count; i++) {
    const PushDocument& document = group->documents[i];
    own[i] = static_cast<Verdict*>(palloc0_array_of(sizeof(Verdict), document.wire->n_changes));
    if (by_error || (decided && is_open(document))) continue;
    for (size_t j = 0; j < document.wire->n_changes; j++) {
      own[i][j] = document.verdicts[j];
      is_over = is_over || (!is_applied(own[i][j]) && is_final(own[i][j]));
    }
  }
  if (!is_over) {
    if (!by_error) {
      reason = {CONVERGE__WIRE__CODE__CODE_UNAVAILABLE, "another change of the atomic group cannot be decided now", 0};
    }
    share_verdict(group, own, reason, false);
    return;
  }
  // Every replica ends at the first of its numbers in the group.
  Work work{group, 1, nullptr, 0, 0, &reason};
  const ErrorData* again = in_subtransaction(apply_all, &work);
  if (again != nullptr) {
    set_identity(group->identity);
    reason = unavailable(again);
  }
  share_verdict(group, own, reason, again == nullptr);
}

}  // namespace

void apply_together(PushGroup* groups, int count) { apply_work({groups, count, nullptr, 0, 0, nullptr}); }

void apply_groups(PushGroup* groups, int count, bool tried) {
  if (!tried) {
    Work work{groups, count, nullptr, 0, 0, nullptr};
    if (in_subtransaction(apply_all, &work) == nullptr) return;
  }
  for (int i = 0; i < count; i++) {
    if (!has_open(groups[i])) continue;
    set_identity(groups[i].identity);
    if (groups[i].atomic) {
      apply_atomic_group(&groups[i]);
    } else {
      apply_group(&groups[i], count == 1);
    }
  }
}

}  // namespace converge
