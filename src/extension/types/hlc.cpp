// hlc as an SQL type: what hlc.sql declares. The literal is the time in UTC with
// the counter, 2026-11-21T04:03:02.123Z/7; the representation a bigint's, whose
// bits are the clock's. It is ordered as an unsigned number.
#include "extension/boundary.h"

extern "C" {
#include "libpq/pqformat.h"
#include "utils/timestamp.h"
}

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>

#include "core/clock/hlc.h"

using namespace converge;

namespace {

constexpr TimestampTz kUnixEpoch =
    (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * static_cast<TimestampTz>(SECS_PER_DAY) * USECS_PER_SEC;

Hlc argument(FunctionCallInfo fcinfo, int n) {
  return Hlc{static_cast<std::uint64_t>(PG_GETARG_INT64(n))};
}

Datum datum(Hlc clock) { return Int64GetDatum(static_cast<int64>(clock.bits)); }

// Takes exactly `digits` digits and the character after them.
bool take(std::string_view& text, std::size_t digits, char after, unsigned& value) {
  if (text.size() < digits + 1 || text[digits] != after) return false;
  const auto read = std::from_chars(text.data(), text.data() + digits, value);
  if (read.ec != std::errc() || read.ptr != text.data() + digits) return false;
  text.remove_prefix(digits + 1);
  return true;
}

bool parse(std::string_view text, Hlc& clock) {
  using namespace std::chrono;
  unsigned year, month, day, hour, minute, second, millisecond, counter;
  // The last year that 48 bits of milliseconds reach is 10889.
  const std::size_t year_digits = text.find('-') == 5 ? 5 : 4;
  if (!take(text, year_digits, '-', year) || !take(text, 2, '-', month) || !take(text, 2, 'T', day) ||
      !take(text, 2, ':', hour) || !take(text, 2, ':', minute) || !take(text, 2, '.', second) ||
      !take(text, 3, 'Z', millisecond) || !text.starts_with('/'))
    return false;
  text.remove_prefix(1);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), counter);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || counter > 0xffff) return false;
  const year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                            std::chrono::day(day)};
  if (!date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 59) return false;
  const auto ms = static_cast<std::uint64_t>(
      duration_cast<milliseconds>(sys_days(date).time_since_epoch()).count() +
      ((hour * 60L + minute) * 60 + second) * 1000 + millisecond);
  if (ms >= Hlc::kMsLimit) return false;
  clock.bits = ms << 16 | counter;
  return true;
}

void print(Hlc clock, char (&out)[48]) {
  using namespace std::chrono;
  const auto day = static_cast<std::int64_t>(clock.ms() / 86'400'000);
  const auto within = static_cast<unsigned>(clock.ms() % 86'400'000);
  const year_month_day date{sys_days(days(day))};
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ/%u",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), within / 3'600'000, within / 60'000 % 60,
                within / 1000 % 60, within % 1000, static_cast<unsigned>(clock.counter()));
}

}  // namespace

#define COMPARISON(name, op)                                     \
  PG_FUNCTION_INFO_V1(hlc_##name);                               \
  Datum hlc_##name(PG_FUNCTION_ARGS) {                           \
    PG_RETURN_BOOL(argument(fcinfo, 0) op argument(fcinfo, 1)); \
  }

extern "C" {

COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)

PG_FUNCTION_INFO_V1(hlc_in);
PG_FUNCTION_INFO_V1(hlc_out);
PG_FUNCTION_INFO_V1(hlc_recv);
PG_FUNCTION_INFO_V1(hlc_send);
PG_FUNCTION_INFO_V1(hlc_cmp);
PG_FUNCTION_INFO_V1(hlc_to_timestamptz);
PG_FUNCTION_INFO_V1(hlc_counter);

Datum hlc_in(PG_FUNCTION_ARGS) {
  const char* literal = PG_GETARG_CSTRING(0);
  Hlc clock;
  if (!parse(literal, clock))
    ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                    errmsg("invalid input syntax for type %s: \"%s\"", "hlc", literal),
                    errhint("A hybrid logical clock reads like 2026-11-21T04:03:02.123Z/7.")));
  return datum(clock);
}

Datum hlc_out(PG_FUNCTION_ARGS) {
  char text[48];
  print(argument(fcinfo, 0), text);
  PG_RETURN_CSTRING(pstrdup(text));
}

Datum hlc_recv(PG_FUNCTION_ARGS) {
  PG_RETURN_INT64(pq_getmsgint64(reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0))));
}

Datum hlc_send(PG_FUNCTION_ARGS) {
  StringInfoData message;
  pq_begintypsend(&message);
  pq_sendint64(&message, argument(fcinfo, 0).bits);
  PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum hlc_cmp(PG_FUNCTION_ARGS) {
  const Hlc a = argument(fcinfo, 0);
  const Hlc b = argument(fcinfo, 1);
  PG_RETURN_INT32(a < b ? -1 : a > b);
}

Datum hlc_to_timestamptz(PG_FUNCTION_ARGS) {
  const auto ms = static_cast<std::int64_t>(argument(fcinfo, 0).ms());
  PG_RETURN_TIMESTAMPTZ(ms * 1000 + kUnixEpoch);
}

Datum hlc_counter(PG_FUNCTION_ARGS) {
  PG_RETURN_INT32(static_cast<int32>(argument(fcinfo, 0).counter()));
}
}
