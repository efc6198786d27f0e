#include "extension/security/access_level_value.h"

#include <cstring>

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace converge {
namespace {

constexpr const char* kNames[] = {"none", "read", "write", "admin"};

}  // namespace

AccessLevel access_level_of(Oid value) {
  HeapTuple tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for enum value %u", value);
  const NameData label = reinterpret_cast<Form_pg_enum>(GETSTRUCT(tuple))->enumlabel;
  ReleaseSysCache(tuple);
  for (int i = 0; i < static_cast<int>(lengthof(kNames)); i++) {
    if (std::strcmp(NameStr(label), kNames[i]) == 0) return static_cast<AccessLevel>(i);
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                  errmsg("\"%s\" is no level of access that this version of converge knows", NameStr(label))));
}

Oid access_level_value(AccessLevel level) {
  const Oid schema = get_namespace_oid("converge", false);
  const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("access_level"),
                                   ObjectIdGetDatum(schema));
  const Oid value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type),
                                    CStringGetDatum(access_level_name(level)));
  if (!OidIsValid(value)) elog(ERROR, "converge.access_level_value.has no value \"%s\"", access_level_name(level));
  return value;
}

const char* access_level_name(AccessLevel level) { return kNames[static_cast<int>(level)]; }

}  // namespace converge
