// What PostgreSQL says of itself, looked at now and then for the metrics.
#pragma once

#include "database.h"
#include "metrics.h"

namespace converge::bridge {

// Runs as long as the io_context.
awaitable<void> sample_database(asio::io_context& io, const Config& config, DatabasePool& database, Metrics& metrics);

}  // namespace converge::bridge
