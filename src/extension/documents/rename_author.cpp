// rename_author(): another name for a principal in what compaction has kept of who
// made what. For erase().
#include "extension/compat.h"

#include "core/history/authorship.h"
#include "extension/boundary.h"
#include "extension/documents/snapshot.h"

extern "C" {
PG_FUNCTION_INFO_V1(converge_rename_author);
}

namespace converge {
namespace {

struct varlena* renamed(std::string_view encoded, std::string_view principal, std::string_view name) {
  return boundary::call([&]() -> Result<struct varlena*> {
    Result<Authorship> authorship = Authorship::decode(encoded);
    if (!authorship) return authorship.error();
    authorship->rename(principal, name);
    return boundary::varlena_of(authorship->encode());
  });
}

}  // namespace
}  // namespace converge

using namespace converge;

extern "C" PGDLLEXPORT Datum converge_rename_author(PG_FUNCTION_ARGS) {
  const std::string_view authors = boundary::view(PG_GETARG_BYTEA_PP(0));
  const std::string_view principal = boundary::view(PG_GETARG_TEXT_PP(1));
  const std::string_view name = boundary::view(PG_GETARG_TEXT_PP(2));
  int count;
  FieldChange* fields = decode_fields(authors, "authors of a snapshot", &count);
  for (int i = 0; i < count; i++) fields[i].delta = boundary::view(renamed(fields[i].delta, principal, name));
  PG_RETURN_BYTEA_P(encode_fields(fields, count));
}
