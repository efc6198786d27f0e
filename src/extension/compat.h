// What differs between PostgreSQL 15 and 18, and the one way to include it.
//
// Every file of the extension that needs PostgreSQL includes this header first,
// before any C++ one.
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

#if PG_VERSION_NUM >= 180000
#define CONVERGE_MODULE_MAGIC(name, version) PG_MODULE_MAGIC_EXT(.name = name, .version = version)
#define CONVERGE_NORETURN pg_noreturn
#else
#define CONVERGE_MODULE_MAGIC(name, version) PG_MODULE_MAGIC
#define CONVERGE_NORETURN [[noreturn]]
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
