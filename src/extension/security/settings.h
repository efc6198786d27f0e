// The settings of this part: converge_init_security() (module.h) declares them.
#pragma once

namespace converge {

// converge.token_leeway: how far an issuer's clock may differ from the server's,
// in seconds.
extern int token_leeway;

// converge.token_max_lifetime: how far ahead a token's end may lie, in seconds; 0:
// any distance.
extern int token_max_lifetime;

}  // namespace converge
