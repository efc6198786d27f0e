// Functions whose C++ half fails in every way it can, and one that stands for other
// extensions, for sql/boundary.sql.
// A library of its own, built for `make installcheck` and never installed: it
// proves the frame in src/extension/boundary.h, which it compiles in.
#include "extension/boundary.cpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
#include "utils/builtins.h"
#include "utils/inval.h"
}

using namespace converge;

namespace {

// Counts the objects alive, to show that every failure runs the destructors.
struct Counted {
  static inline int alive = 0;
  std::string held = std::string(1000, 'x');
  Counted() { ++alive; }
  ~Counted() { --alive; }
};

Result<Datum> fail(std::string_view how) {
  Counted a;
  auto b = std::make_unique<Counted>();
  if (how == "bad_alloc") throw std::bad_alloc();
  if (how == "runtime_error") throw std::runtime_error("something broke: ünexpected");
  if (how == "length_error") throw std::length_error("too long");
  if (how == "int") throw 42;
  if (how == "huge value") return boundary::datum(std::string_view("x", std::size_t{1} << 40));
  if (how == "vector") {
    // What a real failed allocation does: no container can hold this.
    std::vector<char> v;
    v.reserve(std::size_t{1} << 62);
    asm volatile("" ::"r"(v.data()) : "memory");  // it is used: an allocation that is not may be left out
    return Datum{v.size()};
  }
  if (how == "long message") {
    std::string text;
    while (text.size() < 2000) text += "é…";
    return Error{ErrorCode::invalid, text, text};
  }
  for (auto [name, code] : {std::pair{"malformed", ErrorCode::malformed},
                            {"wrong_type", ErrorCode::wrong_type},
                            {"out_of_range", ErrorCode::out_of_range},
                            {"too_large", ErrorCode::too_large},
                            {"clock", ErrorCode::clock},
                            {"invalid", ErrorCode::invalid}})
    if (how == name) return Error{code, "an error of kind " + std::string(name), "%s is no format"};
  return boundary::datum("fine");
}

}  // namespace

extern "C" {
PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(boundary_fail);
PG_FUNCTION_INFO_V1(boundary_alive);
PG_FUNCTION_INFO_V1(boundary_listen);

Datum boundary_fail(PG_FUNCTION_ARGS) {
  text* how = PG_GETARG_TEXT_PP(0);
  return boundary::call([&] { return fail(boundary::view(how)); });
}

Datum boundary_alive(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  PG_RETURN_INT32(Counted::alive);
}

// Takes so many of the session's places for those who listen to the relation cache, as other
// extensions do.
Datum boundary_listen(PG_FUNCTION_ARGS) {
  for (int i = 0; i < PG_GETARG_INT32(0); i++) CacheRegisterRelcacheCallback([](Datum, Oid) {}, Datum{0});
  PG_RETURN_VOID();
}
}
