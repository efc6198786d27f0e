"""What the subjects stand on: the private cluster of the end-to-end tests, a
database for each subject, and figures."""
import contextlib
import pathlib
import statistics
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[2] / "test"
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "support")]

from database import Server, run, sign, value  # noqa: E402, F401  (subjects import them from here)

RUNS = 5
SECRET = b"a secret of 32 bytes or more, here"


def token(principal="ann"):
    """A token for a user of tenant acme, in a database that was told to trust it."""
    return sign({"tenant": "acme", "sub": principal, "exp": int(time.time()) + 36000}, SECRET, key_id="k")


def trust(connection):
    run(connection, "INSERT INTO converge.jwt_key (kid, alg, secret) VALUES ('k', 'HS256', %s)", SECRET)


def alter(connection, **settings):
    """Settings of the server; None is the default."""
    for name, setting in settings.items():
        run(connection, f"ALTER SYSTEM SET {name} = {setting}" if setting else f"ALTER SYSTEM RESET {name}")
    run(connection, "SELECT pg_reload_conf()")
    time.sleep(0.2)


@contextlib.contextmanager
def database(server, name):
    """A connection to a new database with the extension; each statement commits."""
    with contextlib.closing(server.connect()) as postgres:
        run(postgres, f"DROP DATABASE IF EXISTS {name}")
        run(postgres, f"CREATE DATABASE {name}")
        run(postgres, f"ALTER DATABASE {name} SET search_path = public, converge")
        with contextlib.closing(server.connect(name)) as connection:
            run(connection, "CREATE EXTENSION converge")
            yield connection
        run(postgres, f"DROP DATABASE {name}")


def figure(name, measured, unit):
    print(f"figure {name} {measured:.4g} {unit}" if measured < 10000
          else f"figure {name} {measured:.0f} {unit}", flush=True)


def median(measure, runs=RUNS):
    return statistics.median(measure() for _ in range(runs))


def medians(measures, runs=RUNS):
    """The median of each, taken by turns, so that what slows the machine slows all."""
    taken = [[measure() for measure in measures] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*taken)]


def cpu_seconds(connection):
    """The processor time of the connection's backend so far: on an idle machine what
    the clock shows, and on a busy one still a figure."""
    schedstat = pathlib.Path(f"/proc/{connection.info.backend_pid}/schedstat")
    try:
        return int(schedstat.read_text().split()[0]) / 1e9
    except OSError:  # another user's, on some kernels
        return time.perf_counter()


def seconds(connection, statement, *values):
    """How much of its backend's time a statement takes."""
    begun = cpu_seconds(connection)
    run(connection, statement, *values)
    return cpu_seconds(connection) - begun


def ms_each(connection, statement, times):
    """How much time a PL/pgSQL statement takes inside the server, in milliseconds: the
    mean of `times` in one backend and transaction, after one to warm up. It may
    use the repetition's number, i."""
    run(connection, f"""
        CREATE OR REPLACE FUNCTION pg_temp.measured(times integer) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            FOR i IN 1 .. times LOOP
                {statement};
            END LOOP;
        END
        $$""")
    run(connection, "SELECT pg_temp.measured(1)")
    return seconds(connection, "SELECT pg_temp.measured(%s)", times) * 1000 / times
