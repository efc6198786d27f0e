// The only place where C++ and ereport meet.
//
// Two mechanisms that do not know each other: an ereport(ERROR) jumps over C++
// frames without running destructors, and a C++ exception that leaves a function
// called by PostgreSQL ends the backend and with it every session. So a SQL
// function has two halves:
//
//   glue   detoasts and checks the arguments; may ereport; holds nothing that
//          needs a destructor
//   body   the lambda given to boundary::call; works on plain views of the
//          arguments with C++ objects; may throw; calls nothing of PostgreSQL
//          but the allocation functions below
//
//   Datum f(PG_FUNCTION_ARGS) {
//     bytea* arg = PG_GETARG_BYTEA_PP(0);                      // glue
//     return boundary::call([&]() -> Result<Datum> {           // body
//       Result<LwwMap> map = LwwMap::decode(boundary::view(arg));
//       if (!map) return map.error();
//       return boundary::datum(map->encode());
//     });
//   }
//
// The body's exceptions and its Error become, when everything it made has been
// destroyed, an ereport with the SQLSTATE of the error's kind.
#pragma once

#include "extension/compat.h"

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/result.h"

namespace converge::boundary {

// An error in plain memory, so that it outlives the scope it came from.
struct Failure {
  int sqlstate;
  char message[512];
  char detail[512];  // empty: none
};

// The SQLSTATE that stands for an error of the core.
int sqlstate_of(ErrorCode code);

// Thrown in the core when the statement is cancelled.
struct Cancelled {};

// Copies the texts, cut at a character's boundary where they are too long.
void describe(const Error& error, Failure* failure) noexcept;
void describe(int sqlstate, std::string_view message, std::string_view detail,
              Failure* failure) noexcept;

// Reports the failure as an ERROR. Only with no C++ object alive in the caller.
[[noreturn]] void raise(const Failure& failure);

// The bytes of a detoasted value (PG_GETARG_…_PP), short header or not.
inline std::string_view view(const void* value) {
  const auto* v = reinterpret_cast<const struct varlena*>(value);
  return {VARDATA_ANY(v), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(v))};
}

// ---- for bodies: allocation in CurrentMemoryContext that throws and never ereports

// `size` bytes; throws std::bad_alloc.
void* allocate(std::size_t size);

// A varlena that holds a copy of `bytes`. Throws std::length_error above the
// size PostgreSQL can store (1 GB), std::bad_alloc without memory.
struct varlena* varlena_of(std::string_view bytes);
inline Datum datum(std::string_view bytes) { return PointerGetDatum(varlena_of(bytes)); }

// A C string copy, for output functions.
char* cstring_of(std::string_view text);

// ---- call

// Runs `body`, a lambda that returns Result<T> with a T of plain memory, and
// contains what it throws. False: `failure` is set.
template <typename Body, typename T>
[[gnu::noinline]] bool attempt(Body& body, T* value, Failure* failure) noexcept {
  try {
    auto result = body();
    if (result.ok()) {
      *value = result.value();
      return true;
    }
    describe(result.error(), failure);
  } catch (const Cancelled&) {
    describe(ERRCODE_QUERY_CANCELED, "canceling statement", "", failure);
  } catch (const std::bad_alloc&) {
    describe(ERRCODE_OUT_OF_MEMORY, "out of memory", "", failure);
  } catch (const std::length_error& error) {
    describe(ERRCODE_PROGRAM_LIMIT_EXCEEDED, "value exceeds the maximum size", error.what(), failure);
  } catch (const std::exception& error) {
    describe(ERRCODE_INTERNAL_ERROR, "unexpected exception in the converge core", error.what(),
             failure);
  } catch (...) {
    describe(ERRCODE_INTERNAL_ERROR, "unexpected exception in the converge core", "", failure);
  }
  return false;
}

// While one lives, what the core does may be cancelled; only call() has one, since
// who calls attempt() looks at the failure, and a cancelled statement is none.
class Cancellable {
 public:
  Cancellable();
  ~Cancellable();
};

// Has long loops of the core look for a cancelled statement, a terminated session or an
// exceeded WorkBound.
void watch_interrupts();

template <typename Body>
auto call(Body&& body) -> std::remove_reference_t<decltype(body().value())> {
  using T = std::remove_cvref_t<decltype(body().value())>;
  static_assert(std::is_trivially_destructible_v<T>, "a body hands back plain memory");
  static_assert(std::is_trivially_destructible_v<std::remove_reference_t<Body>>,
                "a body captures plain memory only");
  T value{};
  Failure failure;
  bool done;
  {
    const Cancellable cancellable;
    done = attempt(body, &value, &failure);
  }
  if (!done) raise(failure);
  return value;
}

}  // namespace converge::boundary
