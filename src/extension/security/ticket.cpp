#include "extension/security/ticket.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

#include "extension/module.h"

extern "C" {
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
}

namespace converge {
namespace {

// version 1, database 4, document 8, end 8, then the tenant, then the MAC; all
// numbers big endian.
constexpr char kTicketVersion = 1;
constexpr std::size_t kFixedBytes = 1 + 4 + 8 + 8;

struct TicketSecret {
  unsigned char bytes[32];
};

TicketSecret* secret = nullptr;
shmem_request_hook_type previous_request_hook = nullptr;
shmem_startup_hook_type previous_startup_hook = nullptr;

void request_shmem() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(MAXALIGN(sizeof(TicketSecret)));
}

void start_shmem() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  bool found = false;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  secret = static_cast<TicketSecret*>(
      ShmemInitStruct("converge ticket secret", sizeof(TicketSecret), &found));
  if (!found && !pg_strong_random(secret->bytes, sizeof secret->bytes)) {
    ereport(FATAL, (errmsg("could not draw the secret for converge's tickets")));
  }
  LWLockRelease(AddinShmemInitLock);
}

std::int64_t now_microseconds() {
  constexpr std::int64_t kEpochDays = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
  return GetCurrentTimestamp() + kEpochDays * USECS_PER_DAY;
}

bool mac_of(const char* bytes, std::size_t size, unsigned char* mac) {
  unsigned int mac_size = 0;
  return HMAC(EVP_sha256(), secret->bytes, sizeof secret->bytes,
              reinterpret_cast<const unsigned char*>(bytes), size, mac, &mac_size) != nullptr &&
         mac_size == kTicketMacBytes;
}

}  // namespace

bool tickets_available() { return secret != nullptr; }

void require_tickets() {
  if (tickets_available()) return;
  ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                  errmsg("converge must be loaded at server start to subscribe"),
                  errhint("Add converge to shared_preload_libraries and restart the server.")));
}

struct varlena* sign_ticket(const char* tenant, std::int64_t document) {
  Assert(tickets_available());
  const std::size_t tenant_size = std::strlen(tenant);
  const std::size_t signed_size = kFixedBytes + tenant_size;
  auto* ticket = static_cast<struct varlena*>(palloc(VARHDRSZ + signed_size + kTicketMacBytes));
  SET_VARSIZE(ticket, VARHDRSZ + signed_size + kTicketMacBytes);
  char* out = VARDATA(ticket);
  const uint32 database = pg_hton32(MyDatabaseId);
  const uint64 number = pg_hton64(static_cast<uint64>(document));
  const uint64 end = pg_hton64(
      static_cast<uint64>(now_microseconds() + kTicketLifetimeSeconds * USECS_PER_SEC));
  out[0] = kTicketVersion;
  std::memcpy(out + 1, &database, 4);
  std::memcpy(out + 5, &number, 8);
  std::memcpy(out + 13, &end, 8);
  std::memcpy(out + kFixedBytes, tenant, tenant_size);
  unsigned char mac[EVP_MAX_MD_SIZE];
  if (!mac_of(out, signed_size, mac)) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not sign a ticket")));
  }
  std::memcpy(out + signed_size, mac, kTicketMacBytes);
  return ticket;
}

bool check_ticket(std::string_view bytes, Ticket* ticket) {
  if (!tickets_available() || bytes.size() < kFixedBytes + kTicketMacBytes) return false;
  const std::size_t signed_size = bytes.size() - kTicketMacBytes;
  const std::size_t tenant_size = signed_size - kFixedBytes;
  if (tenant_size > kMaxTenantBytes || bytes[0] != kTicketVersion) return false;
  unsigned char mac[EVP_MAX_MD_SIZE];
  if (!mac_of(bytes.data(), signed_size, mac) ||
      CRYPTO_memcmp(mac, bytes.data() + signed_size, kTicketMacBytes) != 0) {
    return false;
  }
  uint32 database;
  uint64 number, end;
  std::memcpy(&database, bytes.data() + 1, 4);
  std::memcpy(&number, bytes.data() + 5, 8);
  std::memcpy(&end, bytes.data() + 13, 8);
  ticket->database = pg_ntoh32(database);
  ticket->document = static_cast<std::int64_t>(pg_ntoh64(number));
  ticket->expires_at = static_cast<std::int64_t>(pg_ntoh64(end));
  std::memcpy(ticket->tenant, bytes.data() + kFixedBytes, tenant_size);
  ticket->tenant[tenant_size] = '\0';
  return ticket->database == MyDatabaseId && ticket->expires_at > now_microseconds();
}

}  // namespace converge

void converge_init_shmem() {
  if (!process_shared_preload_libraries_in_progress) return;
  converge::previous_request_hook = shmem_request_hook;
  shmem_request_hook = converge::request_shmem;
  converge::previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = converge::start_shmem;
}
