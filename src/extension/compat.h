// What differs between PostgreSQL 15 and 18, and the one way to include it.
//
// Every file of the extension, the background workers and the output plugin that needs
// PostgreSQL includes this header first, before any C++ one. No other file asks for
// PG_VERSION_NUM. A macro's arguments are as the newest server has them; the headers that
// it needs are its users' to include.
#pragma once

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

// postgres.h routes these to its own port library; C++ headers declare members
// and overloads of the same names.
#undef printf
#undef fprintf
#undef sprintf
#undef snprintf
#undef vprintf
#undef vfprintf
#undef vsprintf
#undef vsnprintf
#undef strerror
#undef strerror_r

// What is declared so is visible outside of the library: PostgreSQL's own does nothing in 15.
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

// The mark of a library: once in each, in an extern "C" block.
#if PG_VERSION_NUM >= 180000
#define CONVERGE_MODULE_MAGIC(library) PG_MODULE_MAGIC_EXT(.name = library, .version = CONVERGE_VERSION)
#else
#define CONVERGE_MODULE_MAGIC(library) PG_MODULE_MAGIC
#endif

// 17 has given it up with old_snapshot_threshold; the code stays what it was.
#ifndef ERRCODE_SNAPSHOT_TOO_OLD
#define ERRCODE_SNAPSHOT_TOO_OLD MAKE_SQLSTATE('7', '2', '0', '0', '0')
#endif

// The primary key's index, InvalidOid if there is none or it is deferrable; and where ANALYZE may be
// told to wait.
#if PG_VERSION_NUM >= 180000
#define PRIMARY_KEY_INDEX(relation) RelationGetPrimaryKeyIndex(relation, false)
#define ANALYZE_DELAY_POINT() vacuum_delay_point(true)
#else
#define PRIMARY_KEY_INDEX(relation) RelationGetPrimaryKeyIndex(relation)
#define ANALYZE_DELAY_POINT() vacuum_delay_point()
#endif

// How many values ANALYZE is to look for (a VacAttrStats).
#if PG_VERSION_NUM >= 170000
#define ANALYZE_TARGET(stats) ((stats)->attstattarget)
#else
#define ANALYZE_TARGET(stats) ((stats)->attr->attstattarget)
#endif

// The session's number of its transaction, and a message in the WAL that needs no flush of
// its own.
#if PG_VERSION_NUM >= 170000
#define MY_LOCAL_TRANSACTION (MyProc->vxid.lxid)
#define LOG_LOGICAL_MESSAGE(prefix, bytes, size, transactional) LogLogicalMessage(prefix, bytes, size, transactional, false)
#else
#define MY_LOCAL_TRANSACTION (MyProc->lxid)
#define LOG_LOGICAL_MESSAGE(prefix, bytes, size, transactional) LogLogicalMessage(prefix, bytes, size, transactional)
#endif

// What the executor asks before it runs a PlannedStmt. Raises 42501.
#if PG_VERSION_NUM >= 160000
#define CHECK_PERMISSIONS(statement) ((void)ExecCheckPermissions((statement)->rtable, (statement)->permInfos, true))
#else
#define CHECK_PERMISSIONS(statement) ((void)ExecCheckRTPerms((statement)->rtable, true))
#endif

#if PG_VERSION_NUM >= 180000
#define BEGIN_INDEX_SCAN(table, index, snapshot, key_count) \
  index_beginscan(table, index, snapshot, nullptr, key_count, 0)
#else
#define BEGIN_INDEX_SCAN(table, index, snapshot, key_count) index_beginscan(table, index, snapshot, key_count, 0)
#endif

// Runs a query (a QueryDesc) up to so many rows.
#if PG_VERSION_NUM >= 180000
#define EXECUTOR_RUN(query, rows) ExecutorRun(query, ForwardScanDirection, rows)
#else
#define EXECUTOR_RUN(query, rows) ExecutorRun(query, ForwardScanDirection, rows, true)
#endif

// Whether the session's role owns it, or may do what its owner may.
#if PG_VERSION_NUM >= 160000
#define OWNS_TABLE(relation) object_ownercheck(RelationRelationId, relation, GetUserId())
#define OWNS_DATABASE(database) object_ownercheck(DatabaseRelationId, database, GetUserId())
#else
#define OWNS_TABLE(relation) pg_class_ownercheck(relation, GetUserId())
#define OWNS_DATABASE(database) pg_database_ownercheck(database, GetUserId())
#endif

// Of a ReplicationSlot: what it needs is gone.
#if PG_VERSION_NUM >= 160000
#define SLOT_IS_INVALID(slot) ((slot)->data.invalidated != RS_INVAL_NONE)
#else
#define SLOT_IS_INVALID(slot) \
  (XLogRecPtrIsInvalid((slot)->data.restart_lsn) || !XLogRecPtrIsInvalid((slot)->data.invalidated_at))
#endif

// A slot for logical decoding that goes away unless it is persisted, acquired.
#if PG_VERSION_NUM >= 170000
#define CREATE_LOGICAL_SLOT(name) ReplicationSlotCreate(name, true, RS_EPHEMERAL, false, false, false)
#else
#define CREATE_LOGICAL_SLOT(name) ReplicationSlotCreate(name, true, RS_EPHEMERAL, false)
#endif

// Raises 55006 while another process has it.
#if PG_VERSION_NUM >= 180000
#define ACQUIRE_SLOT(name) ReplicationSlotAcquire(name, true, false)
#else
#define ACQUIRE_SLOT(name) ReplicationSlotAcquire(name, true)
#endif

// For a process's whole life.
#if PG_VERSION_NUM >= 170000
#define CREATE_WAIT_EVENT_SET(context, count) CreateWaitEventSet(nullptr, count)
#else
#define CREATE_WAIT_EVENT_SET(context, count) CreateWaitEventSet(context, count)
#endif

// The row that an INSERT brought, of a ReorderBufferChange: a HeapTuple, or null.
#if PG_VERSION_NUM >= 170000
#define INSERTED_TUPLE(change) ((change)->data.tp.newtuple)
#else
#define INSERTED_TUPLE(change) ((change)->data.tp.newtuple != nullptr ? &(change)->data.tp.newtuple->tuple : nullptr)
#endif

// What pg_b64_encode() takes.
#if PG_VERSION_NUM >= 180000
#define BASE64_BYTE uint8
#else
#define BASE64_BYTE char
#endif

// From 16 on the macro exports the function itself.
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(function)                                         \
  extern PGDLLEXPORT Datum function(PG_FUNCTION_ARGS);                        \
  extern PGDLLEXPORT const Pg_finfo_record* CppConcat(pg_finfo_, function)(void); \
  const Pg_finfo_record* CppConcat(pg_finfo_, function)(void) {               \
    static const Pg_finfo_record info = {1};                                  \
    return &info;                                                             \
  }                                                                           \
  extern int no_such_variable
#endif

#if PG_VERSION_NUM < 150000
#error "converge needs PostgreSQL 15 or later"
#endif
