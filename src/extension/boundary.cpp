#include "extension/boundary.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

#include <algorithm>

#include "core/long_work.h"
#include "core/work_bound.h"

namespace converge::boundary {

namespace {

template <std::size_t N>
void copy(std::string_view text, char (&to)[N]) noexcept {
  std::size_t n = std::min(text.size(), N - 1);
  // Not in the middle of a UTF-8 character.
  if (n < text.size())
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  text.copy(to, n);
  to[n] = '\0';
}

bool cancelled() {
  return InterruptPending && InterruptHoldoffCount == 0 && CritSectionCount == 0 &&
         (ProcDiePending || (QueryCancelPending && QueryCancelHoldoffCount == 0));
}

bool cancellable = false;

void stop_long_work() {
  if (cancellable && cancelled()) throw Cancelled{};
  check_work_bound();
}

}  // namespace

int sqlstate_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::malformed:
      return ERRCODE_INVALID_BINARY_REPRESENTATION;
    case ErrorCode::wrong_type:
      return ERRCODE_DATATYPE_MISMATCH;
    case ErrorCode::out_of_range:
      return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    case ErrorCode::too_large:
      return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    case ErrorCode::clock:
      return ERRCODE_DATETIME_VALUE_OUT_OF_RANGE;
    case ErrorCode::invalid:
      return ERRCODE_INVALID_PARAMETER_VALUE;
  }
  return ERRCODE_INTERNAL_ERROR;
}

void describe(const Error& error, Failure* failure) noexcept {
  describe(sqlstate_of(error.code), error.message, error.detail, failure);
}

void describe(int sqlstate, std::string_view message, std::string_view detail,
              Failure* failure) noexcept {
  failure->sqlstate = sqlstate;
  copy(message, failure->message);
  copy(detail, failure->detail);
}

Cancellable::Cancellable() { cancellable = true; }
Cancellable::~Cancellable() { cancellable = false; }

void watch_interrupts() { long_work_hook = stop_long_work; }

void raise(const Failure& failure) {
  // Says by whom or what it was cancelled.
  if (failure.sqlstate == ERRCODE_QUERY_CANCELED) CHECK_FOR_INTERRUPTS();
  ereport(ERROR, (errcode(failure.sqlstate), errmsg_internal("%s", failure.message),
                  failure.detail[0] != '\0' ? errdetail_internal("%s", failure.detail) : 0));
  pg_unreachable();
}

void* allocate(std::size_t size) {
  if (size > MaxAllocHugeSize) throw std::bad_alloc();
  // NO_OOM and HUGE together leave this function no reason to ereport.
  void* memory =
      MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

struct varlena* varlena_of(std::string_view bytes) {
  if (bytes.size() > MaxAllocSize - VARHDRSZ)
    throw std::length_error("A value holds at most 1 GB.");
  auto* value = static_cast<struct varlena*>(allocate(VARHDRSZ + bytes.size()));
  SET_VARSIZE(value, VARHDRSZ + bytes.size());
  bytes.copy(VARDATA(value), bytes.size());  // unlike memcpy, of nothing too
  return value;
}

char* cstring_of(std::string_view text) {
  if (text.size() >= MaxAllocSize) throw std::length_error("A text holds at most 1 GB.");
  auto* copy = static_cast<char*>(allocate(text.size() + 1));
  text.copy(copy, text.size());
  copy[text.size()] = '\0';
  return copy;
}

}  // namespace converge::boundary
