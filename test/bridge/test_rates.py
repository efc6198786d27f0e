"""How much principals and tenants may ask of a bridge, and that the others notice nothing."""
from cluster import undisturbed
from database import run, value
from test_create import create
from wire import ClientMessage, code_name


def limit(database, tenant="acme", **limits):
    names, values = zip(*limits.items())
    run(database.session, f"INSERT INTO converge.tenant_limit (tenant, {', '.join(names)}) "
        f"VALUES (%s, {', '.join(['%s'] * len(names))}) ON CONFLICT (tenant) DO UPDATE SET "
        + ", ".join(f"{name} = EXCLUDED.{name}" for name in names), tenant, *values)


def push(peer, count=1):
    message = ClientMessage()
    message.push.channel = peer.channel
    for _ in range(count):
        peer.change(message)
    peer.send(message)


def test_requests_of_a_principal(database, bridge, connect):
    database.insert("plan")
    database.insert("plan", "globex")
    limit(database, principal_requests=4)

    def attempt(number):
        name = f"alice {number}"
        peer = connect(bridge, principal=name)  # the first request
        for _ in range(3):
            peer.follow("note", "plan")
        request = peer.ask_to_follow("note", "plan")
        problem = peer.next_of("problem", "subscribed").problem
        assert code_name(problem.code) == "CODE_LIMIT" and problem.request == request and not problem.fatal
        # The same principal on another connection asks too much as well; nobody else does.
        again = connect(bridge, hello=False)
        problem = again.hello(database.token(principal=name)).problem
        assert code_name(problem.code) == "CODE_LIMIT" and problem.fatal
        assert again.closed_with() == 1013
        return peer

    peer = undisturbed(attempt, 60 / 4)
    connect(bridge, principal="bob").follow("note", "plan")
    connect(bridge, tenant="globex").follow("note", "plan")
    # Changes are no requests.
    push(peer)
    assert peer.next("ack").seq == 1


def test_changes_of_a_principal_and_a_tenant(database, bridge, connect):
    database.insert("plan")
    limit(database, principal_changes=60, tenant_changes=70)
    ann, bob = connect(bridge, document="plan"), connect(bridge, principal="bob", document="plan")
    push(ann, 50)
    assert ann.next("ack").seq == 50
    push(ann, 50)
    reject = ann.next("reject")
    assert code_name(reject.code) == "CODE_LIMIT" and reject.seq == 51
    push(bob, 50)  # ann's and bob's would be 100
    assert code_name(bob.next("reject").code) == "CODE_LIMIT"
    # Nothing was recorded: the same numbers are good later.
    assert sum(principal == "alice" for principal, _ in database.log("plan").values()) == 50
    limit(database, principal_changes=0, tenant_changes=0)
    later = connect(bridge, document="plan")
    push(later, 50)
    assert later.next("ack").seq == 50


def test_new_documents_are_changes(database, bridge, connect):
    limit(database, principal_changes=60)
    ann = connect(bridge)
    made = [create(ann, "note", f"n{number}") for number in range(100)]
    refused = []
    for _ in made:
        message = ann.receive_message()
        if message.HasField("problem"):
            assert code_name(message.problem.code) == "CODE_LIMIT" and not message.problem.fatal
            refused.append(message.problem.request)
        else:
            assert message.HasField("created")
    assert refused
    assert value(database.session, "SELECT count(*) FROM note WHERE tenant = 'acme'") == 100 - len(refused) >= 60
