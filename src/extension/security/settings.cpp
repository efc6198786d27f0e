#include "extension/compat.h"

#include "extension/security/settings.h"

#include <climits>

#include "extension/module.h"

extern "C" {
#include "utils/guc.h"
}

namespace converge {

int token_leeway = 5;
int token_max_lifetime = 0;

}  // namespace converge

void converge_init_security() {
  // Not for clients to choose.
  DefineCustomIntVariable("converge.token_leeway", "How far the clock of a token's issuer may differ from the server's.",
                          nullptr, &converge::token_leeway, 5, 0, 300, PGC_SUSET, GUC_UNIT_S, nullptr, nullptr,
                          nullptr);
  DefineCustomIntVariable("converge.token_max_lifetime", "How far ahead the end of a token may lie.",
                          "0: any distance.", &converge::token_max_lifetime, 0, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S,
                          nullptr, nullptr, nullptr);
}
