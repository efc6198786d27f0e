// How long from a COMMIT to a receiver: the stream worker's bridges beside a
// walsender's client, both reading converge_output's frames of the same edit.
//
//   stream_latency ROUNDS COUNT RATE WORKER_CONNINFO WALSENDER_CONNINFO
//
// The two servers are apart, because a server that runs the worker decodes
// every change there too, which would slow its walsender down. They take turns,
// a transaction each at RATE a second, so that what disturbs the machine disturbs
// both. Each sample is the time from sending COMMIT to having the whole frame.
// Prints, for both, the median and the 99th percentile in microseconds of each of
// ROUNDS times COUNT samples, and the medians of the rounds' ratios; then how quickly a
// worker that is behind decodes and forwards.
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../core/figure.h"
#include "converge.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(5);

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "stream_latency: %s\n", what.c_str());
  std::exit(1);
}

double microseconds(Clock::duration d) {
  return std::chrono::duration<double, std::micro>(d).count();
}

struct Closer {
  void operator()(PGconn* c) const { PQfinish(c); }
  void operator()(PGresult* r) const { PQclear(r); }
};
using Connection = std::unique_ptr<PGconn, Closer>;
using Answer = std::unique_ptr<PGresult, Closer>;

Connection connect(const std::string& conninfo) {
  Connection connection(PQconnectdb(conninfo.c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) die(PQerrorMessage(connection.get()));
  return connection;
}

Answer run(PGconn* connection, const std::string& statement) {
  Answer answer(PQexec(connection, statement.c_str()));
  switch (PQresultStatus(answer.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_COPY_BOTH:
      return answer;
    default:
      die(statement + ": " + PQerrorMessage(connection));
  }
}

// Somebody who reads frames.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual int descriptor() const = 0;
  // Takes what is there; how many transactions' last frames that completes.
  virtual int take() = 0;
  // Between rounds.
  virtual void rest() {}
};

bool is_last(const char* data, std::size_t size) {
  converge::wire::StreamFrame frame;
  if (!frame.ParseFromArray(data, static_cast<int>(size))) die("a frame is no StreamFrame");
  return frame.last();
}

class WorkerReceiver : public Receiver {
 public:
  explicit WorkerReceiver(PGconn* session) : session_(session) {
    const Answer path = run(session, "SELECT converge.worker_socket()");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, PQgetvalue(path.get(), 0, 0), sizeof address.sun_path - 1);
    socket_ = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect_for_a_while(address) != 0)
      die("nobody listens at " + std::string(address.sun_path));

    converge::wire::WorkerRequest attach;
    attach.mutable_attach()->set_protocol(1);
    attach.mutable_attach()->set_bridge("stream_latency");
    send(attach);
    if (!receive().has_attached()) die("the worker did not accept Attach");
    watch();
  }
  ~WorkerReceiver() override { close(socket_); }

  int descriptor() const override { return socket_; }

  // Before the watch ends, after a minute.
  void rest() override { watch(); }

  int take() override {
    fill();
    int ended = 0;
    converge::wire::WorkerReply reply;
    while (parse(&reply)) ended += reply.has_frame() && reply.frame().last();
    return ended;
  }

 private:
  void watch() {
    // A superuser may take an identity without a token.
    run(session_, "BEGIN");
    run(session_, "SET LOCAL converge.tenant = 'acme'");
    run(session_, "SET LOCAL converge.principal = 'bench'");
    const Answer ticket =
        run(session_, "SELECT document, encode(ticket, 'hex') FROM converge.subscribe('note', 'd')");
    run(session_, "COMMIT");
    converge::wire::WorkerRequest request;
    request.mutable_watch()->set_document(std::stoull(PQgetvalue(ticket.get(), 0, 0)));
    request.mutable_watch()->set_ticket(from_hex(PQgetvalue(ticket.get(), 0, 1)));
    send(request);
    while (true) {
      const converge::wire::WorkerReply reply = receive();
      if (reply.has_watching()) break;
      if (!reply.has_frame()) die("the worker did not accept Watch");
    }
  }

  static std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }

  int connect_for_a_while(const sockaddr_un& address) {
    const auto deadline = Clock::now() + kPatience;
    while (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      if (Clock::now() > deadline) return -1;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return 0;
  }

  void send(const converge::wire::WorkerRequest& request) {
    const std::string body = request.SerializeAsString();
    const auto size = static_cast<std::uint32_t>(body.size());
    std::string message;
    for (int shift = 24; shift >= 0; shift -= 8)
      message.push_back(static_cast<char>(size >> shift));
    message += body;
    if (write(socket_, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
      die("the worker's socket does not take a request");
  }

  void fill() {
    char chunk[65536];
    const ssize_t got = recv(socket_, chunk, sizeof chunk, 0);
    if (got <= 0) die("the worker closed the connection");
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }

  bool parse(converge::wire::WorkerReply* reply) {
    const std::size_t left = buffer_.size() - taken_;
    std::uint32_t size = 0;
    if (left >= 4)
      for (int i = 0; i < 4; i++) size = size << 8 | static_cast<unsigned char>(buffer_[taken_ + i]);
    if (left < 4 || left < 4 + size) {
      buffer_.erase(0, taken_);
      taken_ = 0;
      return false;
    }
    if (!reply->ParseFromArray(buffer_.data() + taken_ + 4, static_cast<int>(size)))
      die("a message is no WorkerReply");
    taken_ += 4 + size;
    return true;
  }

  converge::wire::WorkerReply receive() {
    converge::wire::WorkerReply reply;
    while (!parse(&reply)) fill();
    return reply;
  }

  PGconn* session_;
  int socket_;
  std::string buffer_;
  std::size_t taken_ = 0;  // of the buffer
};

class WalsenderReceiver : public Receiver {
 public:
  explicit WalsenderReceiver(const std::string& conninfo)
      : connection_(connect(conninfo + " replication=database")) {
    run(connection_.get(),
        "CREATE_REPLICATION_SLOT stream_latency TEMPORARY LOGICAL converge_output "
        "NOEXPORT_SNAPSHOT");
    run(connection_.get(), "START_REPLICATION SLOT stream_latency LOGICAL 0/0");
  }

  int descriptor() const override { return PQsocket(connection_.get()); }

  int take() override {
    if (PQconsumeInput(connection_.get()) == 0) die(PQerrorMessage(connection_.get()));
    int ended = 0;
    char* message = nullptr;
    int size;
    while ((size = PQgetCopyData(connection_.get(), &message, 1)) > 0) {
      // XLogData: 'w', three 64-bit numbers, then what the plugin wrote.
      constexpr int kHeader = 1 + 3 * 8;
      if (message[0] == 'w' && size > kHeader)
        ended += is_last(message + kHeader, static_cast<std::size_t>(size - kHeader));
      PQfreemem(message);
    }
    if (size == -1 || size == -2) die("the walsender ended the stream");
    return ended;
  }

  // Says that it is alive, so that the server does not end a long run.
  void rest() override {
    char status[1 + 3 * 8 + 8 + 1] = {'r'};
    if (PQputCopyData(connection_.get(), status, sizeof status) != 1 ||
        PQflush(connection_.get()) != 0)
      die(PQerrorMessage(connection_.get()));
  }

 private:
  Connection connection_;
};

struct Side {
  const char* name;
  Connection session;
  std::unique_ptr<Receiver> receiver;
  std::vector<double> samples;  // of a round
};

// The tracked table with the document that is edited.
void prepare(PGconn* session) {
  run(session, "CREATE EXTENSION converge");
  run(session,
      "CREATE TABLE note (tenant text, id text, props converge.lww_map NOT NULL DEFAULT '', "
      "PRIMARY KEY (tenant, id))");
  run(session, "SELECT converge.track('note', 'tenant')");
  run(session, "INSERT INTO note VALUES ('acme', 'd')");
}

// The time from sending COMMIT to the frame.
double sample(Side* side, std::uint64_t n) {
  PGconn* session = side->session.get();

  run(session, "BEGIN");
  run(session, "UPDATE note SET props = converge.set(props, 'n', '" + std::to_string(n) +
                   "') WHERE tenant = 'acme' AND id = 'd'");
  const auto start = Clock::now();
  if (PQsendQuery(session, "COMMIT") == 0) die(PQerrorMessage(session));

  pollfd descriptors[2] = {{PQsocket(session), POLLIN, 0},
                           {side->receiver->descriptor(), POLLIN, 0}};
  Clock::time_point arrived{};
  bool committed = false;
  while (!committed || arrived == Clock::time_point{}) {
    if (poll(descriptors, 2, 5000) <= 0) die(std::string(side->name) + ": nothing came for 5 s");
    if (descriptors[1].revents != 0 && side->receiver->take() > 0) arrived = Clock::now();
    if (descriptors[0].revents != 0 && !committed) {
      if (PQconsumeInput(session) == 0) die(PQerrorMessage(session));
      if (!PQisBusy(session)) {
        while (PGresult* result = PQgetResult(session)) {
          if (PQresultStatus(result) != PGRES_COMMAND_OK) die(PQerrorMessage(session));
          PQclear(result);
        }
        committed = true;
        descriptors[0].fd = -1;
      }
    }
  }
  return microseconds(arrived - start);
}

// How many transactions a second, of one change each, a worker decodes and forwards that
// is behind: it is held while they are made.
double catch_up(Side* worker) {
  constexpr int kTransactions = 10'000;  // in less than a minute, after which the watch ends
  PGconn* session = worker->session.get();

  run(session,
      "CREATE PROCEDURE edit(count int) LANGUAGE plpgsql AS $$ BEGIN FOR n IN 1 .. count LOOP "
      "UPDATE note SET props = converge.set(props, 'n', to_jsonb(n)) WHERE tenant = 'acme' AND id = 'd'; COMMIT; "
      "END LOOP; END $$");
  const Answer status = run(session, "SELECT pid FROM converge.worker_status()");
  const auto process = static_cast<pid_t>(std::atoi(PQgetvalue(status.get(), 0, 0)));
  worker->receiver->rest();
  if (kill(process, SIGSTOP) != 0) die("the worker cannot be held");
  run(session, "CALL edit(" + std::to_string(kTransactions) + ")");
  const auto start = Clock::now();
  kill(process, SIGCONT);
  pollfd descriptor = {worker->receiver->descriptor(), POLLIN, 0};
  for (int left = kTransactions; left > 0; left -= worker->receiver->take())
    if (poll(&descriptor, 1, 5000) <= 0) die("nothing came from the worker for 5 s");
  return kTransactions / (microseconds(Clock::now() - start) / 1e6);
}

double percentile(std::vector<double> samples, double p) {
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<std::size_t>(p * samples.size()))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) die("usage: stream_latency ROUNDS COUNT RATE WORKER_CONNINFO WALSENDER_CONNINFO");
  const int rounds = std::atoi(argv[1]), count = std::atoi(argv[2]), rate = std::atoi(argv[3]);
  if (rounds < 1 || count < 1 || rate < 1) die("ROUNDS, COUNT and RATE are positive numbers");
  const auto interval = std::chrono::nanoseconds(1'000'000'000 / rate);

  Side worker{"worker", connect(argv[4]), nullptr, {}};
  Side walsender{"walsender", connect(argv[5]), nullptr, {}};
  for (Side* side : {&worker, &walsender}) prepare(side->session.get());
  worker.receiver = std::make_unique<WorkerReceiver>(worker.session.get());
  walsender.receiver = std::make_unique<WalsenderReceiver>(argv[5]);

  std::uint64_t n = 0;
  for (Side* side : {&worker, &walsender})
    for (int i = 0; i < 50; i++) sample(side, n++);  // to warm up
  std::vector<double> p50_ratios, p99_ratios;
  for (int round = 0; round < rounds; round++) {
    auto next = Clock::now();
    for (int i = 0; i < count; i++) {
      for (Side* side : {&worker, &walsender}) {
        std::this_thread::sleep_until(next);
        next += interval / 2;
        side->samples.push_back(sample(side, n++));
      }
    }
    for (Side* side : {&worker, &walsender}) {
      side->receiver->rest();
      std::printf("%-9s commit to receiver: p50 %.0f us, p99 %.0f us, worst %.0f us (%zu samples)\n", side->name,
                  percentile(side->samples, 0.50), percentile(side->samples, 0.99), percentile(side->samples, 1),
                  side->samples.size());
    }
    p50_ratios.push_back(percentile(worker.samples, 0.50) / percentile(walsender.samples, 0.50));
    p99_ratios.push_back(percentile(worker.samples, 0.99) / percentile(walsender.samples, 0.99));
    for (Side* side : {&worker, &walsender}) side->samples.clear();
  }
  bench::figure("stream_p50_ratio", percentile(p50_ratios, 0.50), "ratio");
  bench::figure("stream_p99_ratio", percentile(p99_ratios, 0.50), "ratio");
  bench::figure("stream_catch_up_per_s", catch_up(&worker), "transactions/s");
}
