// The type converge.secret (secret.sql): bytes that no output shows.
#include "extension/compat.h"

#include "extension/boundary.h"

extern "C" {
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(converge_secret_in);
PG_FUNCTION_INFO_V1(converge_secret_out);
PG_FUNCTION_INFO_V1(converge_secret_recv);
PG_FUNCTION_INFO_V1(converge_secret_send);
PG_FUNCTION_INFO_V1(converge_secret_to_bytea);
PG_FUNCTION_INFO_V1(converge_secret_to_text);
}

using namespace converge;

namespace {

constexpr const char* kShown = "(not shown)";

}  // namespace

extern "C" {

PGDLLEXPORT Datum converge_secret_in(PG_FUNCTION_ARGS) {
  PG_RETURN_TEXT_P(cstring_to_text(PG_GETARG_CSTRING(0)));
}

PGDLLEXPORT Datum converge_secret_out(PG_FUNCTION_ARGS) { PG_RETURN_CSTRING(pstrdup(kShown)); }

PGDLLEXPORT Datum converge_secret_recv(PG_FUNCTION_ARGS) {
  auto* buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int size = buffer->len - buffer->cursor;
  PG_RETURN_TEXT_P(cstring_to_text_with_len(pq_getmsgbytes(buffer, size), size));
}

PGDLLEXPORT Datum converge_secret_send(PG_FUNCTION_ARGS) {
  PG_RETURN_BYTEA_P(reinterpret_cast<bytea*>(cstring_to_text(kShown)));
}

PGDLLEXPORT Datum converge_secret_to_bytea(PG_FUNCTION_ARGS) { PG_RETURN_DATUM(PG_GETARG_DATUM(0)); }

PGDLLEXPORT Datum converge_secret_to_text(PG_FUNCTION_ARGS) {
  const std::string_view bytes = boundary::view(PG_GETARG_BYTEA_PP(0));
  // Without naming the bytes, as PostgreSQL's own error would.
  if (!pg_verifymbstr(bytes.data(), static_cast<int>(bytes.size()), true)) {
    ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE), errmsg("secret is no text of the database's encoding")));
  }
  PG_RETURN_TEXT_P(cstring_to_text_with_len(bytes.data(), static_cast<int>(bytes.size())));
}

}
