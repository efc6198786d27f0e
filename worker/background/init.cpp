#include "worker/background/postgres_headers.h"

#include "extension/module.h"
#include "worker/background/launcher.h"
#include "worker/background/registry.h"
#include "worker/background/settings.h"
#include "worker/background/statement_hooks.h"
#include "worker/background/wake.h"

void converge_init_worker() {
  using namespace converge::worker;

  define_settings();
  if (!process_shared_preload_libraries_in_progress) return;
  reserve_registry();
  // Forks inherit the callback and the hooks; without the registry's shared
  // memory there is nobody to tell.
  register_transaction_callback();
  install_statement_hooks();
  register_launcher();
}

bool converge_is_preloaded() { return converge::worker::registry != nullptr; }
