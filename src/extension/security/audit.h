// The table converge.audit: who did what to whom.
#pragma once

#include "extension/compat.h"

#include <cstdint>

namespace converge {

// Texts are never null; empty where there is nothing to say. What is longer than
// kMaxAuditBytes is cut.
struct AuditEntry {
  const char* tenant;
  const char* event;      // one of docs/reference/security.md's
  const char* principal;  // who did it, or was refused
  const char* object;     // to what or whom
  const char* detail;
};

inline constexpr int kMaxAuditBytes = 256;

// Adds a row in the present transaction, and with it.
void record_audit(const AuditEntry& entry);

// Adds a row whatever becomes of the transaction: the maintenance worker writes it
// within a second or so. Like ones are counted in one row, and beyond a bound the
// rest are only counted, so that failing costs the server little. Nothing is noted
// unless converge is in shared_preload_libraries. Never raises.
void note_audit(const AuditEntry& entry);

// As record_audit(), for a number of like events that a role of that name caused.
void record_audit(const AuditEntry& entry, const char* role, std::int64_t count);

}  // namespace converge
