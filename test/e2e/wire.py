"""The wire schema's Python classes."""
from wire_schema import converge_pb2

for _name in ("AccessRequest", "AccessResponse", "Change", "ClientMessage", "Payload", "PullResponse", "PushRequest", "PushResponse",
              "ServerMessage", "StreamFrame", "WorkerReply", "WorkerRequest"):
    globals()[_name] = getattr(converge_pb2, _name)
code_name = converge_pb2.Code.Name
