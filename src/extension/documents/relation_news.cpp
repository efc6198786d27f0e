#include "extension/documents/relation_news.h"

extern "C" {
#include "utils/inval.h"
}

namespace converge {
namespace {

constexpr int kMostListeners = 8;

void (*listeners[kMostListeners])(Oid);
int count = 0;

void tell(Datum, Oid relation) {
  for (int i = 0; i < count; i++) listeners[i](relation);
}

}  // namespace

void watch_relations(void (*told)(Oid relation)) {
  for (int i = 0; i < count; i++) {
    if (listeners[i] == told) return;
  }
  if (count == kMostListeners) elog(ERROR, "too many parts of the extension listen to the relation cache");
  static bool listening = false;
  if (!listening) CacheRegisterRelcacheCallback(tell, Datum{0});
  listening = true;
  listeners[count++] = told;
}

}  // namespace converge
